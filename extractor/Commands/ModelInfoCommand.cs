using Cocona;
using Headstart.Models;

namespace Headstart.Extraction.Commands;

internal sealed class ModelInfoCommand
{
    [Command("info", Description = "Show what a model file holds: layers, preprocessing, where its weights came from.")]
    public void Info(
        [Argument(Name = "FILE.onnx", Description = "A model file made by 'model import' or 'model fetch'.")] string file,
        [Option("json", Description = "Print one JSON object instead of text.")] bool json = false)
    {
        var report = ModelReport.Of(ModelFile.Load(file));
        if (json)
        {
            Console.Out.WriteLine(report.ToJson());
            return;
        }

        Console.Out.WriteLine($"{report.Contract.Name} ({report.Contract.Architecture}, {report.Contract.Precision}): " +
            $"{ModelReport.Count(report.Contract.Layers.Count)}, {report.Parameters:N0} weights.");
        report.Write(Console.Out);
    }
}
