using System.Text.Json;
using Cocona;
using Headstart.CommandLine;
using Headstart.Extraction.Import;
using Headstart.Extraction.Shelf;
using Headstart.Models;

namespace Headstart.Extraction.Commands;

internal sealed class ModelVerifyCommand
{
    [Command("verify", Description = "Check a model file: that no bit of it has changed, that its weights are the published ones, and " +
        "that it computes what it did at import.")]
    public void Verify(
        [Argument(Name = "FILE.onnx", Description = "A model file made by 'model import' or 'model fetch'.")] string file,
        [Option("json", Description = "Print one JSON object instead of text.")] bool json = false)
    {
        var model = ModelFile.Load(file);
        var shelf = ShelfComparison.Of(model.Contract, file, ModelShelf.Load(), ShelfFolder.Locate(Environment.GetEnvironmentVariable));
        var layers = ModelVerification.Run(model);
        if (json)
        {
            Console.Out.WriteLine(JsonSerializer.Serialize(new { file, model.Sha256, shelf, layers }, HeadstartJson.Compact));
            return;
        }

        Console.Out.WriteLine($"Whole: {ModelReport.Count(layers.Count)} of {model.Contract.Name}, as at import.");
        foreach (var layer in layers)
            Console.Out.WriteLine($"  {layer.Name}  deviation {layer.Deviation:P2}");
        WrappedText.Write(Console.Out, "Shelf    ", shelf.Sentence);
        Console.Out.WriteLine($"File     {file}, sha256 {model.Sha256[..16]}...");
    }
}
