using Cocona;
using Headstart.Extraction.Quantization;

namespace Headstart.Extraction.Commands;

/// <summary>The options of <c>extractor model quantize</c>.</summary>
internal sealed record QuantizeOptions(
    [Argument(Name = "FILE.onnx", Description = "A float32 model file, from 'model import' or 'model fetch'.")] string File,
    [Option("calibrate", Description = "Pictures of the kind that the model will see: a folder, a CSV, as for 'extract'. A quarter of " +
        "them only judges.", ValueName = "IMAGES")] string Calibrate,
    [Option("out", Description = "The model file to write.", ValueName = "FILE.onnx")] string Out,
    [Option("keep", Description = "A convolution, layer or block that stays in float32; repeatable.", ValueName = "LAYER")]
    string[]? Keep = null,
    [Option("images", Description = "Use at most so many of the pictures, drawn evenly.", ValueName = "N")] int Images = 400,
    [Option(
        "weight-bits", Description = "8, or 7 for processors without VNNI. What this processor computes fast and exactly when left out.",
        ValueName = "7|8")]
    int? WeightBits = null,
    [Option("threads", Description = "Threads to decode and to compute with. One for each core when left out.", ValueName = "N")]
    int? Threads = null,
    [Option("batch", Description = "Images computed at once where the speed is measured.", ValueName = "N")] int Batch = 8,
    [Option("json", Description = "Print one JSON object on standard output.")] bool Json = false) : ICommandParameterSet
{
    /// <exception cref="CommandException">A value out of range, or a file that would be overwritten.</exception>
    public QuantizationOptions Resolve()
    {
        if (Directory.Exists(Out))
            throw CommandException.Usage($"--out {Out} is a folder; pass the name of the .onnx file to write.");
        if (Path.GetFullPath(File) == Path.GetFullPath(Out))
            throw CommandException.Usage($"--out {Out} is the file being quantised; choose another name, so that the original stays.");
        var options =
            new QuantizationOptions { Keep = Keep ?? [], Images = Images, Threads = Threads ?? Environment.ProcessorCount, Batch = Batch };
        options = WeightBits is { } bits ? options with { WeightBits = bits } : options;
        options.Validate();
        return options;
    }
}
