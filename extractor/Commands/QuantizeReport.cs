using System.Globalization;
using Headstart.CommandLine;
using Headstart.Extraction.Quantization;
using Headstart.Extraction.Runtime;
using Headstart.Models;

namespace Headstart.Extraction.Commands;

/// <summary>What <c>model quantize</c> says: what the integers cost, and what they bring.</summary>
internal sealed record QuantizeReport
{
    public required string File { get; init; }

    public required string Sha256 { get; init; }

    /// <summary>Pictures used, to calibrate and to judge.</summary>
    public required int Images { get; init; }

    public required int CalibrationImages { get; init; }

    public required string CalibrationSha256 { get; init; }

    /// <summary>Pictures that judged; none of them calibrated.</summary>
    public required int JudgedImages { get; init; }

    /// <summary>By path, with the reason.</summary>
    public required IReadOnlyDictionary<string, string> Rejected { get; init; }

    public required IReadOnlyDictionary<string, LayerFidelity> Layers { get; init; }

    public required SpeedComparison Speed { get; init; }

    public required long FloatBytes { get; init; }

    public required long Bytes { get; init; }

    public required int WeightBits { get; init; }

    /// <summary>Whether this processor computes the model at full speed.</summary>
    public required bool ProcessorHasVnni { get; init; }

    /// <summary>Convolutions that compute with integers.</summary>
    public required int IntegerConvolutions { get; init; }

    /// <summary>Nodes that compute in float32: their type and name.</summary>
    public required IReadOnlyList<string> FloatNodes { get; init; }

    public required IReadOnlyList<string> Warnings { get; init; }

    /// <summary>What <c>--keep</c> would bring most with, by trial; only where a layer is warned of.</summary>
    public required IReadOnlyList<KeptPart> Keep { get; init; }

    public static QuantizeReport Of(ModelFile from, ModelFile saved, QuantizedModel quantized, SpeedComparison speed) => new()
    {
        File = saved.Path,
        Sha256 = saved.Sha256,
        Images = quantized.Split.Calibrate.Count + quantized.Split.Judge.Count - quantized.Rejected.Count,
        CalibrationImages = saved.Contract.Quantization!.CalibrationImages,
        CalibrationSha256 = saved.Contract.Quantization.CalibrationSha256,
        JudgedImages = quantized.Split.Judge.Count(i => !quantized.Rejected.ContainsKey(i.Path)),
        Rejected = quantized.Rejected,
        Layers = quantized.Fidelity,
        Speed = speed,
        FloatBytes = new FileInfo(from.Path).Length,
        Bytes = new FileInfo(saved.Path).Length,
        WeightBits = saved.Contract.Quantization.WeightBits,
        ProcessorHasVnni = IntegerInstructions.AreExact,
        IntegerConvolutions = quantized.Plan.Convolutions.Count,
        FloatNodes = [.. quantized.Plan.FloatNodes.Select(n => $"{n.OpType} {(n.Name.Length > 0 ? n.Name : n.Output[0])}")],
        Warnings =
        [
            .. quantized.Fidelity.Where(l => l.Value.MeanCosine < ModelQuantization.CosineBound).Select(l => string.Create(
                CultureInfo.InvariantCulture,
                $"Layer {l.Key} has a mean cosine of {l.Value.MeanCosine:0.0000}, below {ModelQuantization.CosineBound}.")),
        ],
        Keep = quantized.Advice,
    };

    /// <summary>Lines of at most 80 columns, unless a name is longer.</summary>
    public void Write(TextWriter output)
    {
        var culture = CultureInfo.InvariantCulture;
        output.WriteLine($"{CalibrationImages} images calibrated, {JudgedImages} others " +
            $"judged{(Rejected.Count > 0 ? $", {Rejected.Count} can't be used" : "")}.");
        var width = Math.Max(8, Layers.Keys.Max(n => n.Length));
        output.WriteLine($"  {"layer".PadRight(width)}  cosine, mean  worst    relative error");
        foreach (var (name, layer) in Layers)
            output.WriteLine(string.Create(culture,
                $"  {name.PadRight(width)}  {layer.MeanCosine,12:0.00000}  {layer.WorstCosine:0.00000}  {layer.RelativeError,14:0.0000}"));
        foreach (var warning in Warnings)
            WrappedText.Write(output, "warning: ", warning);
        foreach (var part in Keep)
            WrappedText.Write(output, "  ",
                string.Create(culture, $"--keep {part.Name}: relative error {part.RelativeError:0.0000} instead of {part.Without:0.0000}"));
        WrappedText.Write(output, "Speed    ", string.Create(
            culture,
            $"{Speed.IntegerImagesPerSecond:N1} images/s, float32 {Speed.FloatImagesPerSecond:N1}: {Speed.Ratio:0.00} times (in turns, " +
            $"batch {Speed.Batch}, {Speed.Threads} threads)"));
        output.WriteLine($"Weights  {WeightBits} bits, {IntegerConvolutions} convolutions; " +
            (ProcessorHasVnni
                ? "this processor computes them exactly"
                : "this processor has no VNNI" + (WeightBits == 7 ? ", so they are small enough not to saturate" : "")));
        if (FloatNodes.Count > 0)
            WrappedText.Write(output, "Float32  ",
                $"{string.Join(", ", FloatNodes.Take(12))}{(FloatNodes.Count > 12 ? $" and {FloatNodes.Count - 12} more" : "")}");
        output.WriteLine($"File     {File}, {Bytes / 1e6:N1} MB instead of {FloatBytes / 1e6:N1}, sha256 {Sha256[..16]}...");
    }
}
