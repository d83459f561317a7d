using System.IO.Compression;
using System.Text.Json;
using Headstart.Tests.Programs;

namespace Headstart.Tests.Publishing;

/// <summary>What scripts/publish.sh makes works away from the sources: libvips, ONNX Runtime and libtorch load and compute.</summary>
[Trait("Category", "Slow")]
public sealed class PublishTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Published_programs_and_installed_tools_do_the_whole_job()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "scripts/publish.sh is tried on Linux.");
        var published = _folder.File("published");

        // Four builds, beside all other tests: minutes on a busy machine.
        await using (var publish = RunningProgram.Start("bash", [Path.Combine(Repository.Root, "scripts/publish.sh"), published]))
            (await publish.Ended(TimeSpan.FromMinutes(30))).EndedWith(0);

        foreach (var (program, native) in (ReadOnlySpan<(string, string)>)[(
            "extractor", "microsoft.ml.onnxruntime/ThirdPartyNotices.txt"), ("trainer", "libtorch-cpu-linux-x64/LICENSE-LIBTORCH.txt")])
        {
            var shipped = Path.Combine(published, $"{program}-linux-x64");
            Assert.All(
                (string[])["LICENSE", "THIRD-PARTY-NOTICES.md", "licenses/netvips.native.linux-x64/THIRD-PARTY-NOTICES.md", "licenses/" +
                    native], notice => Assert.True(File.Exists(Path.Combine(shipped, notice)), notice));
            using var tool = ZipFile.OpenRead(Directory.GetFiles(Path.Combine(published, "tools"), $"Headstart.{program}.*.nupkg",
                new EnumerationOptions { MatchCasing = MatchCasing.CaseInsensitive }).Single());
            Assert.Contains(tool.Entries, e => e.FullName.EndsWith("/LICENSE", StringComparison.Ordinal));
            Assert.Contains(tool.Entries, e => e.FullName.EndsWith("/licenses/" + native, StringComparison.Ordinal));
        }

        // Where .NET can't be found, so that the folders must bring their own.
        var withoutDotnet = new Dictionary<string, string?>
        {
            ["PATH"] = "/usr/bin:/bin",
            ["DOTNET_ROOT"] = _folder.File("nowhere"),
            ["DOTNET_ROOT_X64"] = null,
        };
        await DoTheWholeJob(Path.Combine(published, "extractor-linux-x64", "extractor"),
            Path.Combine(published, "trainer-linux-x64", "trainer"), withoutDotnet);

        // An own package folder: installing must neither use nor fill that of the user.
        var bin = _folder.File("bin");
        var home = new Dictionary<string, string?> { ["HOME"] = _folder.File("home"), ["NUGET_PACKAGES"] = _folder.File("packages") };
        Directory.CreateDirectory(home["HOME"]!);
        foreach (var tool in (string[])["Headstart.Extractor", "Headstart.Trainer"])
            await Run("dotnet", ["tool", "install", tool, "--tool-path", bin, "--source", Path.Combine(published, "tools")], home);
        await DoTheWholeJob(Path.Combine(bin, "extractor"), Path.Combine(bin, "trainer"), new Dictionary<string, string?>());
    }

    private async Task DoTheWholeJob(string extractor, string trainer, Dictionary<string, string?> environment)
    {
        var work = _folder.File(Path.GetRandomFileName());
        Directory.CreateDirectory(work);
        Assert.Contains("Usage: extractor", (await Run(extractor, ["--help"], environment)).Output, StringComparison.Ordinal);
        Assert.Contains("Usage: trainer", (await Run(trainer, ["--help"], environment)).Output, StringComparison.Ordinal);

        await Run(extractor, ["demo-data", Path.Combine(work, "pictures"), "--per-class", "10"], environment);
        var extracted = await Run(extractor, ["extract", Path.Combine(work, "pictures"), "--model", Path.Combine(
            Repository.Root, "onnx/demo-base.onnx"), "--out", Path.Combine(work, "cache"), "--json"], environment);
        var trained = await Run(
            trainer, ["train", Path.Combine(work, "cache"), "--out", Path.Combine(work, "run"), "--head", "gap", "--epochs", "2", "--json"],
            environment);

        Assert.Equal(20, JsonDocument.Parse(extracted.Output).RootElement.GetProperty("computed").GetInt32());
        Assert.Equal(2, JsonDocument.Parse(trained.Output).RootElement.GetProperty("epochs").GetInt32());
        Assert.True(new FileInfo(Path.Combine(work, "run", "head.safetensors")).Length > 0);
    }

    private static async Task<ProgramRun> Run(string program, string[] args, Dictionary<string, string?> environment)
    {
        await using var running = RunningProgram.Start(program, args, environment: environment);
        return (await running.Ended()).EndedWith(0);
    }
}
