using System.Text.Json;
using Headstart.Tests.Programs;

namespace Headstart.Tests.Building;

/// <summary><c>-p:Accelerator=cuda</c> exchanges the native packages and nothing else.</summary>
public sealed class AcceleratorTests
{
    [Theory]
    [InlineData("extractor", "linux-x64", "Microsoft.ML.OnnxRuntime", "Microsoft.ML.OnnxRuntime.Gpu")]
    [InlineData("extractor", "win-x64", "Microsoft.ML.OnnxRuntime", "Microsoft.ML.OnnxRuntime.Gpu")]
    [InlineData("trainer", "linux-x64", "libtorch-cpu-linux-x64 TorchSharp", "TorchSharp-cuda-linux")]
    [InlineData("trainer", "win-x64", "libtorch-cpu-win-x64 TorchSharp", "TorchSharp-cuda-windows")]
    [InlineData("shared", "linux-x64", "", "")]
    public async Task Cuda_exchanges_the_native_packages_and_nothing_else(string project, string platform, string cpuOnly, string cudaOnly)
    {
        var unset = await Packages(project, platform);
        var cpu = await Packages(project, platform, "-p:Accelerator=cpu");
        var cuda = await Packages(project, platform, "-p:Accelerator=cuda");

        Assert.Equal(cpu, unset);
        Assert.Equal(cpuOnly, string.Join(' ', cpu.Except(cuda)));
        Assert.Equal(cudaOnly, string.Join(' ', cuda.Except(cpu)));
    }

    [Fact]
    public async Task The_macintosh_gets_its_own_libtorch()
    {
        Assert.Contains("libtorch-cpu-osx-arm64", await Packages("trainer", "osx-arm64"));
    }

    [Theory]
    [InlineData("extractor", "-p:Accelerator=rocm", "Accelerator 'rocm' is unknown")]
    [InlineData("extractor", "-p:Accelerator=cuda -p:RuntimeIdentifier=osx-arm64", "There are no CUDA packages for osx-arm64")]
    [InlineData("trainer", "-p:RuntimeIdentifier=linux-arm64", "The trainer can't be built for linux-arm64")]
    public async Task A_choice_without_packages_stops_the_build_before_it_restores(string project, string options, string reason)
    {
        var run = (await MSBuild(project, ["-t:CollectPackageReferences", .. options.Split(' ')])).EndedWith(1);

        Assert.Contains(reason, run.Output, StringComparison.Ordinal);
    }

    // Selecting a package says nothing of whether it exists: a version that could not be had stood here once. TorchSharp's CUDA packages
    // are not tried, because the registry that this project is tested with doesn't serve them.
    [Fact]
    [Trait("Category", "Slow")]
    public async Task The_extractor_for_gpus_restores()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() || OperatingSystem.IsWindows(), "There are no CUDA packages for this platform.");
        using var folder = new TemporaryFolder();

        (await ProgramRun.Of("dotnet", ["restore", Path.Combine(
            Repository.Root, "extractor"), "-p:Accelerator=cuda", "--artifacts-path", folder.File("build")])).EndedWith(0);

        var assets = Directory.EnumerateFiles(folder.Path, "project.assets.json", SearchOption.AllDirectories)
            .Single(f => f.Contains("extractor", StringComparison.Ordinal));
        Assert.Contains("libonnxruntime_providers_cuda.so", await File.ReadAllTextAsync(assets, TestContext.Current.CancellationToken),
            StringComparison.Ordinal);
    }

    private static async Task<IReadOnlyList<string>> Packages(string project, string platform, params string[] options)
    {
        var run = (await MSBuild(project, ["-getItem:PackageReference", $"-p:RuntimeIdentifier={platform}", .. options])).EndedWith(0);
        using var items = JsonDocument.Parse(run.Output);
        return [.. items.RootElement.GetProperty("Items").GetProperty("PackageReference").EnumerateArray()
            .Select(p => p.GetProperty("Identity").GetString()!).Order(StringComparer.OrdinalIgnoreCase)];
    }

    private static Task<ProgramRun> MSBuild(string project, string[] options) =>
        ProgramRun.Of("dotnet", ["msbuild", Path.Combine(Repository.Root, project), "-nologo", .. options]);
}
