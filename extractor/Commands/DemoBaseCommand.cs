using Cocona;
using Headstart.Extraction.Demo;
using Headstart.Models;

namespace Headstart.Extraction.Commands;

/// <summary>For this project's own use (<c>scripts/make-demo-base.sh</c>), so not in the help.</summary>
internal sealed class DemoBaseCommand
{
    [Hidden]
    [Command("demo-base", Description = "Write the small network that comes with Headstart.")]
    public void Run([Argument(Name = "FILE.onnx")] string file)
    {
        DemoBase.Write(file);
        ModelReport.Of(ModelFile.Load(file)).Write(Console.Out);
    }
}
