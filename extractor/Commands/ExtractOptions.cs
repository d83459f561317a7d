using System.Globalization;
using Cocona;
using Headstart.Cache;
using Headstart.CommandLine;
using Headstart.Extraction.Runtime;

namespace Headstart.Extraction.Commands;

/// <summary>The options of <c>extractor extract</c>.</summary>
internal sealed record ExtractOptions(
    [Argument(Name = "IMAGES", Description = "A folder 'class/image' or 'train|val|test/class/image', a CSV with the columns " +
        "path,label[,split], a flat folder, or one image.")] string Images,
    [Option("model", Description = "The model file, from 'extractor model import'.", ValueName = "FILE.onnx")] string Model,
    [Option("out", Description = "The cache: a folder, made or brought up to date.", ValueName = "CACHE")] string Out,
    [Option("layer", Description = "A layer to keep; may be given several times. When left out: those that the cache has, in a new cache " +
        "all that the model names.", ValueName = "NAME")] string[]? Layer = null,
    [Option("batch", Description = "Images computed at once. 8 on the CPU and 32 on a GPU when left out.", ValueName = "N")]
    int? Batch = null,
    [Option("threads", Description = "Threads to decode and to compute with. One for each core when left out.", ValueName = "N")]
    int? Threads = null,
    [Option("device", Description = "Where to run the network.", ValueName = "auto|cpu|cuda|tensorrt")]
    ExecutionDevice Device = ExecutionDevice.Auto,
    [Option("shard", Description = "Take one of N parts of the images, to fill one cache from many machines; auto takes I from a Slurm " +
        "or Kubernetes job array.", ValueName = "I/N|auto/N")] string? Shard = null,
    [Option("views", Description = "Augmented views of each image beside the plain one: random crop, mirroring, colours.", ValueName = "K")]
    int Views = 0,
    [Option("seed", Description = "Draws the views, with the image's bytes and the view's number. 0, or the cache's own, when left out.",
        ValueName = "S")]
    long? Seed = null,
    [Option("store", Description = "How to store what an int8 model computes: as floats, or as its own bytes in less room. The cache's " +
        "own way, or floats, when left out.", ValueName = "floats|bytes")] LayerStorage? Store = null,
    [Option("max-rejected", Description = "The share of unusable images, in percent, above which the run counts as failed.",
        ValueName = "PERCENT")]
    double MaxRejected = ExtractOptions.DefaultMaxRejected,
    [Option("rehash", Description = "Read every image file again, also those whose size and time are as they were.")] bool Rehash = false,
    [Option("profile", Description = "Say where the time went, and what would change it.")] bool Profile = false,
    [Option("json", Description = "Print one JSON object on standard output.")] bool Json = false) : ICommandParameterSet
{
    private const double DefaultMaxRejected = 5;

    public int ThreadCount => Threads ?? Environment.ProcessorCount;

    /// <summary>The command that was typed.</summary>
    /// <param name="shard">Which one it was, where a job array said so.</param>
    public string Repeated(Shard? shard)
    {
        List<string> words =
            ["extractor", "extract", Images, "--model", Model, "--out", Out, .. (Layer ?? []).SelectMany(l => new[] { "--layer", l })];
        Add("--batch", Batch);
        Add("--threads", Threads);
        Add("--device", Device == ExecutionDevice.Auto ? null : Device);
        Add("--shard", shard is null ? null : $"{shard.Index}/{shard.Count}");
        Add("--views", Views == 0 ? null : Views);
        Add("--seed", Seed);
        Add("--store", Store);
        Add("--max-rejected", MaxRejected == DefaultMaxRejected ? null : MaxRejected);
        words.AddRange(new[] { (Rehash, "--rehash"), (Profile, "--profile"), (Json, "--json") }.Where(f => f.Item1).Select(f => f.Item2));
        return string.Join(' ', words.Select(ShellWord.Quote));

        void Add(string option, object? value)
        {
            if (value is not null)
                words.AddRange([option, Convert.ToString(value, CultureInfo.InvariantCulture)!.ToLowerInvariant()]);
        }
    }

    /// <exception cref="CommandException">A value out of range; the message names the option.</exception>
    public void Validate()
    {
        if (Batch is < 1 or > 4096)
            throw CommandException.Usage($"--batch is {Batch}; it must be from 1 to 4096.");
        if (Threads is < 1 or > 1024)
            throw CommandException.Usage($"--threads is {Threads}; it must be from 1 to 1024.");
        if (!Enum.IsDefined(Device))
            throw CommandException.Usage($"--device is {Device}; it must be auto, cpu, cuda or tensorrt.");
        if (Views is < 0 or > 1000)
            throw CommandException.Usage($"--views is {Views}; it must be from 0 to 1000.");
        if (Seed is not null && Views == 0)
            throw CommandException.Usage("--seed draws augmented views; give their number with --views K.");
        if (Store is { } store && !Enum.IsDefined(store))
            throw CommandException.Usage($"--store is {store}; it must be floats or bytes.");
        if (MaxRejected is not (>= 0 and <= 100))
            throw CommandException.Usage($"--max-rejected is {MaxRejected}; it must be from 0 to 100 percent.");
    }
}
