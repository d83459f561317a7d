using System.Globalization;
using Headstart.CommandLine;
using Headstart.Trainer.Export;

namespace Headstart.Trainer.Commands;

/// <summary>What <c>trainer export</c> tells a person, in lines of at most 80 columns (names and paths apart).</summary>
internal sealed class ExportWords(TextWriter output)
{
    public void Published(string path, ProvenModel made)
    {
        var (contract, check) = (made.Contract, made.Check);
        var decision = contract.Prediction!;
        var (origin, size) = (decision.Origin, contract.Preprocessing.Size);
        Line($"{path}: {made.Bytes.Length / 1e6:0.0} MB");
        WrappedText.Write(output, "  computes: ", $"{origin.Base} to {origin.Layer}, then {origin.Head}");
        if (origin.TunedTensors > 0)
            Line($"  {origin.TunedTensors} tensors of the base as the run has tuned them");
        var batch = contract.FixedBatch is { } only ? only.ToString(CultureInfo.InvariantCulture) : "N";
        Line(decision.RawInput
            ? (FormattableString)$"  takes one picture: uint8 [height, width, 3], RGB, of any size"
            : $"  takes float32 [{batch}, 3, {size}, {size}], prepared as its contract says");
        Line($"  gives probabilities [{(decision.RawInput ? "1" : batch)}, {decision.Classes.Count}] and label");
        WrappedText.Write(output, "  classes: ", string.Join(", ", decision.Classes));
        var temperature = string.Create(CultureInfo.InvariantCulture, $"temperature {decision.Temperature:0.###}");
        Line(decision.Threshold is { } threshold
            ? (FormattableString)$"  {temperature}; {decision.Classes[1]} where its probability is above {threshold:0.###}"
            : $"  {temperature}; the most probable class");
        WrappedText.Write(output, "  checked: ", string.Create(
            CultureInfo.InvariantCulture,
            $"on {check.Source} it differs from the trainer ({check.Against}) by {check.LargestDifference:0.0e+0} at most; " +
            $"{ProvenModel.Tolerance} is allowed"));
        foreach (var line in check.Notes)
            WrappedText.Write(output, "  note: ", line);
        if (made.Rounded is { } rounded)
        {
            WrappedText.Write(output, "  float16: ", string.Create(
                CultureInfo.InvariantCulture,
                $"kernels rounded to float16 move a probability by {rounded.LargestChange:0.0000} at most; {ProvenModel.MostRounding} is " +
                $"allowed"));
        }

        if (contract.Weights.Note is { } note)
            WrappedText.Write(output, "  note: ", note);
    }

    public void OtherBase(OtherBaseChange change) => WrappedText.Write(output, "  other base: ", string.Create(
        CultureInfo.InvariantCulture,
        $"on {change.Images} images of the run's cache, a probability moves by {change.MeanChange:0.0000} on average and " +
        $"{change.LargestChange:0.0000} at most, " +
        $"and {change.ChangedDecisions} {(change.ChangedDecisions == 1 ? "decision changes" : "decisions change")}"));

    public void OtherBaseUnknown(string why) =>
        WrappedText.Write(output, "  other base: ", $"what it changes could not be measured, because {why.TrimEnd('.')}.");

    public void Next(string path) => Line($"Next: extractor predict {ShellWord.Quote(path)} IMAGES");

    private void Line(FormattableString text) => output.WriteLine(text.ToString(CultureInfo.InvariantCulture));
}
