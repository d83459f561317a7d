using Headstart.Models;
using Headstart.Preprocessing;

namespace Headstart.Extraction.Import;

/// <summary>What <c>model import</c> was asked to do.</summary>
internal sealed record ImportOptions
{
    /// <summary>The file that holds the weights: <c>.h5</c>, <c>.safetensors</c> or <c>.onnx</c>.</summary>
    public required string Weights { get; init; }

    /// <summary>The model file to write.</summary>
    public required string Out { get; init; }

    /// <summary>A preset's name or a JSON file; never guessed, because the same names hold different weights.</summary>
    public string? Preset { get; init; }

    /// <summary>Null where the tensors' names tell.</summary>
    public string? Architecture { get; init; }

    /// <summary>Empty for every named layer.</summary>
    public IReadOnlyList<string> Layers { get; init; } = [];

    /// <summary>How kernels are stored.</summary>
    public WeightPrecision Precision { get; init; }

    /// <summary>Whether the preset is one of the built-in ones, whose size gives way to the one that the network asks for.</summary>
    public bool PresetIsNamed => Preset is not null && !File.Exists(Preset);

    /// <exception cref="CommandException">What is missing or makes no sense, and how to mend it.</exception>
    public void Validate()
    {
        if (string.IsNullOrWhiteSpace(Preset))
        {
            throw CommandException.Usage(
                "--preset is required: the weights don't say how their images were prepared. Pass --preset keras (Keras' VGG), " +
                "torchvision (torchvision and timm), mobilenet (Keras' MobileNet), or a JSON file.");
        }

        if (!Enum.IsDefined(Precision))
            throw CommandException.Usage($"--precision {Precision}: there are float32 and float16.");
        if (Directory.Exists(Weights))
            throw CommandException.Usage($"{Weights} is a folder; pass the file with the weights itself (.h5, .safetensors or .onnx).");
        if (!File.Exists(Weights))
            throw new CommandException($"No such file: {Weights}. Pass a .h5, .safetensors or .onnx file with weights.");
        if (Directory.Exists(Out))
            throw CommandException.Usage($"--out {Out} is a folder; pass the name of the .onnx file to write.");
        if (Path.GetFullPath(Weights) == Path.GetFullPath(Out))
            throw CommandException.Usage($"--out {Out} is the file being imported; choose another name, so that the original stays.");
        if (Architecture is not null)
            VggArchitecture.Named(Architecture);
        if (Layers.Any(string.IsNullOrWhiteSpace))
            throw CommandException.Usage("--layer needs the name of a layer.");
        if (Layers.GroupBy(l => l).FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw CommandException.Usage($"--layer {twice.Key} is given twice.");
    }

    /// <exception cref="CommandException">No such preset, or a file that isn't one.</exception>
    public ImagePreprocessing ResolvePreset() => Presets.Resolve(Preset!);
}
