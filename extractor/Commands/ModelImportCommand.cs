using Cocona;
using Headstart.CommandLine;
using Headstart.Extraction.Import;
using Headstart.Models;

namespace Headstart.Extraction.Commands;

internal sealed class ModelImportCommand
{
    [Command("import", Description = "Make a model file from weights (.h5, .safetensors) or from any ONNX network.")]
    public void Import(
        [Argument(Name = "WEIGHTS", Description = "The .h5, .safetensors or .onnx file.")] string weights,
        [Option("out", Description = "The model file to write.", ValueName = "FILE.onnx")] string @out,
        [Option("preset", Description = "How images are prepared: keras, torchvision, mobilenet or a JSON file. Required, because the " +
            "weights don't tell.", ValueName = "NAME|FILE.json")] string? preset = null,
        [Option("arch", Description = "vgg11, vgg13, vgg16 or vgg19, where the tensors' names don't tell.", ValueName = "VGG")]
        string? arch = null,
        [Option("layer", Description = "A tensor that becomes a layer, also an inner one; repeatable. Default: every block's pool, or " +
            "every output.", ValueName = "NAME")] string[]? layer = null,
        [Option("precision", Description = "float16 halves the file: kernels are stored as float16, arithmetic stays float32.")]
        WeightPrecision precision = WeightPrecision.Float32,
        [Option("json", Description = "Print one JSON object instead of text.")] bool json = false)
    {
        var options = new ImportOptions
        {
            Weights = weights,
            Out = @out,
            Preset = preset,
            Architecture = arch,
            Layers = layer ?? [],
            Precision = precision,
        };
        var imported = ModelImport.Run(options);
        ModelFile.Save(imported.Proto, imported.Contract, options.Out);
        var report = ModelReport.Of(ModelFile.Load(options.Out), imported.Notes);
        if (json)
        {
            Console.Out.WriteLine(report.ToJson());
            return;
        }

        Console.Out.WriteLine(
            $"Imported {report.Contract.Name}: {ModelReport.Count(report.Contract.Layers.Count)}, {report.Parameters:N0} weights.");
        report.Write(Console.Out);
        foreach (var note in imported.Notes)
            WrappedText.Write(Console.Out, "", note);
        Console.Out.WriteLine($"Next: extractor extract IMAGES --model {ShellWord.Quote(options.Out)} --out cache");
    }
}
