using System.Globalization;
using System.Text.Json;
using Headstart.CommandLine;
using Headstart.Models;

namespace Headstart.Extraction.Commands;

/// <summary>What <c>model import</c> and <c>model info</c> say about a model.</summary>
internal sealed record ModelReport
{
    public required string File { get; init; }

    public required string Sha256 { get; init; }

    public required long Bytes { get; init; }

    public required long Parameters { get; init; }

    public required ModelContract Contract { get; init; }

    /// <summary>What the import inferred, inserted or left out.</summary>
    public IReadOnlyList<string>? Notes { get; init; }

    public static ModelReport Of(ModelFile model, IReadOnlyList<string>? notes = null) => new()
    {
        File = model.Path,
        Sha256 = model.Sha256,
        Bytes = new FileInfo(model.Path).Length,
        Parameters = OnnxGraph.ParameterCount(model.Proto.Graph),
        Contract = model.Contract,
        Notes = notes,
    };

    public static string Count(int layers) => layers == 1 ? "1 layer" : $"{layers} layers";

    public string ToJson() => JsonSerializer.Serialize(this, HeadstartJson.Compact);

    /// <summary>Lines of at most 80 columns, unless a name is longer.</summary>
    public void Write(TextWriter output)
    {
        var preprocessing = Contract.Preprocessing;
        var resize = preprocessing.ShortSide is { } side
            ? string.Create(CultureInfo.InvariantCulture, $"short side {side}, centre {preprocessing.Size} x {preprocessing.Size}")
            : string.Create(CultureInfo.InvariantCulture, $"stretched to {preprocessing.Size} x {preprocessing.Size}");
        var width = Math.Max(8, Contract.Layers.Max(l => l.Name.Length));
        foreach (var layer in Contract.Layers)
            output.WriteLine($"  {layer.Name.PadRight(width)}  {layer.Shape,-16}  {layer.Shape.Length,9:N0} values an image");
        output.WriteLine($"Images   {preprocessing.Preset}: {resize}, {preprocessing.Channels.ToString().ToUpperInvariant()},");
        output.WriteLine($"         (pixel / {preprocessing.DivideBy} - ({string.Join(", ", preprocessing.Mean)})) / " +
            $"({string.Join(", ", preprocessing.Std)})");
        output.WriteLine(
            $"Weights  {Contract.Weights.File}, sha256 {Contract.Weights.Sha256[..Math.Min(16, Contract.Weights.Sha256.Length)]}...");
        if (Contract.Prediction is { } prediction)
            WriteDecision(prediction, output);
        if (Contract.Weights.Note is { } note)
            WrappedText.Write(output, "Note     ", note);
        if (Contract.FixedBatch is { } batch)
            output.WriteLine($"Batch    {batch} images at a time, no other number");
        output.WriteLine($"File     {File}, {Bytes / 1e6:N1} MB, sha256 {Sha256[..16]}...");
    }

    private static void WriteDecision(PredictionContract prediction, TextWriter output)
    {
        WrappedText.Write(output, "Classes  ", string.Join(", ", prediction.Classes));
        output.WriteLine(prediction.Threshold is { } threshold
            ? string.Create(CultureInfo.InvariantCulture,
                $"Decides  {prediction.Classes[1]} above {threshold:0.###}; temperature {prediction.Temperature:0.###}")
            : string.Create(
                CultureInfo.InvariantCulture, $"Decides  for the most probable class; temperature {prediction.Temperature:0.###}"));
        if (prediction.RawInput)
            output.WriteLine("Takes    one picture's pixels, uint8 [height, width, 3], of any size");
        var origin = prediction.Origin;
        WrappedText.Write(output, "From     ",
            $"run {origin.Run}: {origin.Head} on {origin.Layer} of {origin.Base}, sha256 {origin.BaseSha256[..16]}..." +
            (origin.TunedTensors > 0 ? $", {origin.TunedTensors} of its tensors tuned" : ""));
    }
}
