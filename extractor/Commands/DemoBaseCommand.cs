using Cocona;
using Headstart.Extraction.Demo;
using Headstart.Models;

namespace Headstart.Extraction.Commands;

/// <summary>For this project's own use (<c>scripts/make-demo-base.sh</c>), so not in the help.</summary>
internal sealed class DemoBaseCommand
{
    [Hidden]
    [Command("demo-base", Description = "Write the seeded network that the small base of Headstart was trained from, or that base.")]
    public void Run(
        [Argument(Name = "FILE.onnx")] string file,
        [Option(Description = "The weights: base.safetensors of a run that tuned all of the seeded network.")] string? tuned = null)
    {
        if (tuned is null)
            DemoBase.WriteSeeded(file);
        else
            DemoBase.WriteTrained(file, tuned);
        ModelReport.Of(ModelFile.Load(file)).Write(Console.Out);
    }
}
