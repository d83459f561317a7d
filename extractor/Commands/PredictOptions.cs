using Cocona;
using Headstart.Extraction.Prediction;
using Headstart.Extraction.Runtime;

namespace Headstart.Extraction.Commands;

/// <summary>The options of <c>extractor predict</c>.</summary>
internal sealed record PredictOptions(
    [Argument(Name = "MODEL.onnx", Description = "A model file from 'trainer export'.")] string Model,
    [Argument(Name = "IMAGES", Description = "One image, a flat folder, a folder 'class/image' or 'train|val|test/class/image', or a CSV " +
        "with the columns path,label.")] string Images,
    [Option("format", Description = "table, for people; csv; jsonl, a JSON object a line.", ValueName = "table|csv|jsonl")]
    PredictionFormat Format = PredictionFormat.Table,
    [Option("batch", Description = "Images computed at once. 8 on the CPU and 32 on a GPU when left out.", ValueName = "N")]
    int? Batch = null,
    [Option("threads", Description = "Threads to decode and to compute with. One for each core when left out.", ValueName = "N")]
    int? Threads = null,
    [Option("device", Description = "Where to run the network.", ValueName = "auto|cpu|cuda|tensorrt")]
    ExecutionDevice Device = ExecutionDevice.Auto,
    [Option("max-rejected", Description = "The share of unusable images, in percent, above which the run counts as failed.",
        ValueName = "PERCENT")]
    double MaxRejected = 5) : ICommandParameterSet
{
    public int ThreadCount => Threads ?? Environment.ProcessorCount;

    /// <exception cref="CommandException">A value out of range; the message names the option.</exception>
    public void Validate()
    {
        if (!Enum.IsDefined(Format))
            throw CommandException.Usage($"--format is {Format}; it must be table, csv or jsonl.");
        if (Batch is < 1 or > 4096)
            throw CommandException.Usage($"--batch is {Batch}; it must be from 1 to 4096.");
        if (Threads is < 1 or > 1024)
            throw CommandException.Usage($"--threads is {Threads}; it must be from 1 to 1024.");
        if (!Enum.IsDefined(Device))
            throw CommandException.Usage($"--device is {Device}; it must be auto, cpu, cuda or tensorrt.");
        if (MaxRejected is not (>= 0 and <= 100))
            throw CommandException.Usage($"--max-rejected is {MaxRejected}; it must be from 0 to 100 percent.");
    }
}
