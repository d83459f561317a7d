using System.Xml.Linq;

namespace Headstart.Tests.Architecture;

/// <summary>
/// The extractor and the trainer both stand on shared, and never on each other. TorchSharp never reaches the extractor, ONNX Runtime never
/// the trainer, but for the one file that tries an exported model where it will run.
/// </summary>
public sealed class DependencyRuleTests
{
    private static readonly string[] Torch = ["TorchSharp", "libtorch", "LibTorchSharp", "c10"];
    private static readonly string[] OnnxRuntime = ["Microsoft.ML.OnnxRuntime", "onnxruntime"];

    public static TheoryData<string, string, string[]> Forbidden => new()
    {
        { "shared", "Headstart", [.. Torch, .. OnnxRuntime, "extractor", "trainer"] },
        { "extractor", "extractor", [.. Torch, "trainer"] },
        { "trainer", "trainer", ["extractor"] },
    };

    [Theory]
    [MemberData(nameof(Forbidden))]
    public void A_built_assembly_uses_only_what_its_project_may(string project, string assembly, string[] forbidden)
    {
        using var built = new BuiltAssembly(Path.Combine(Programs.RunningProgram.OutputOf(project), $"{assembly}.dll"));

        // An assembly that uses nothing of Headstart's or .NET's would pass for the wrong reason.
        Assert.Contains("System.Runtime", built.References);
        Assert.DoesNotContain(built.References, r => IsAny(r, forbidden));
    }

    [Theory]
    [MemberData(nameof(Forbidden))]
    public void An_output_folder_has_only_what_its_project_may(string project, string assembly, string[] forbidden)
    {
        var files = Directory.GetFiles(Programs.RunningProgram.OutputOf(project)).Select(f => Path.GetFileName(f)!).ToList();

        Assert.Contains($"{assembly}.dll", files);
        Assert.DoesNotContain(
            files, f => IsAny(f.StartsWith("lib", StringComparison.Ordinal) ? f["lib".Length..] : f, forbidden) || IsAny(f, forbidden));
    }

    [Theory]
    [MemberData(nameof(Forbidden))]
    public void A_project_file_asks_only_for_what_it_may(string project, string assembly, string[] forbidden)
    {
        var file = XDocument.Load(Path.Combine(Repository.Root, project, $"{project}.csproj"));
        var packages = file.Descendants("PackageReference").Select(r => r.Attribute("Include")!.Value).ToList();
        var projects =
            file.Descendants("ProjectReference").Select(r => Path.GetFileNameWithoutExtension(r.Attribute("Include")!.Value)).ToList();

        Assert.NotEmpty(packages);
        Assert.DoesNotContain(packages.Concat(projects), r => IsAny(r, forbidden));
        Assert.Equal(assembly == "Headstart" ? [] : ["shared"], projects);
    }

    [Fact]
    public void Only_one_file_of_the_trainer_knows_ONNX_Runtime()
    {
        var users = SourceFile.OfPrograms()
            .Where(s => s.Path.StartsWith("trainer/", StringComparison.Ordinal)
                && s.Text.Contains("Microsoft.ML.OnnxRuntime", StringComparison.Ordinal))
            .Select(s => s.Path);

        Assert.Equal(["trainer/Runtime/OnnxRuntimeSession.cs"], users);
    }

    [Fact]
    public void Only_the_folder_Images_knows_NetVips()
    {
        var users =
            SourceFile.OfPrograms().Where(s => s.Text.Contains("using NetVips", StringComparison.Ordinal)).Select(s => s.Path).ToList();

        Assert.NotEmpty(users);
        Assert.All(users, u => Assert.StartsWith("shared/Images/", u, StringComparison.Ordinal));
    }

    private static bool IsAny(string name, string[] forbidden) =>
        forbidden.Any(f => name.StartsWith(f, StringComparison.OrdinalIgnoreCase));
}
