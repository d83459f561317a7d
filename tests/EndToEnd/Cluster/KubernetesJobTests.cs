using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using Headstart.Tests.Programs;

namespace Headstart.Tests.Cluster;

/// <summary>What scripts/k8s-extract-job.yaml makes its pods run.</summary>
public sealed partial class KubernetesJobTests : IDisposable
{
    private static readonly string Job = File.ReadAllText(Path.Combine(Repository.Root, "scripts/k8s-extract-job.yaml"));

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Its_pods_together_make_the_rows_of_one_run()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Pods run Linux.");
        var pods = int.Parse(Completions().Match(Job).Groups["number"].Value, CultureInfo.InvariantCulture);
        (await ProgramRun.Extractor("demo-data", _folder.File("pictures"), "--per-class", "10")).EndedWith(0);
        var one = (string[])["extract", _folder.File(
            "pictures"), "--model", Path.Combine(Repository.Root, "onnx/demo-base.onnx"), "--out", _folder.File("one")];
        (await ProgramRun.Extractor(one)).EndedWith(0);

        for (var pod = 0; pod < pods; pod++)
        {
            // A container's environment is almost empty: no HOME, no locale.
            (await ProgramRun.Of("env", ["-i", "PATH=/usr/bin:/bin", "DOTNET_ROOT=" +
                DotnetRoot, $"JOB_COMPLETION_INDEX={pod}", RunningProgram.Executable("extractor"), .. Arguments()])).EndedWith(0);
        }

        await CacheRows.AssertEqual(one[^1], _folder.File("cache"), rows: 20);
    }

    [Fact]
    public void Its_number_of_shards_is_that_of_its_pods()
    {
        var completions = Completions().Match(Job).Groups["number"].Value;

        Assert.Contains($"\n  parallelism: {completions}\n", Job, StringComparison.Ordinal);
        Assert.Equal($"auto/{completions}", Arguments()[^1]);
    }

    private static string DotnetRoot =>
        Path.GetFullPath(Path.Combine(System.Runtime.InteropServices.RuntimeEnvironment.GetRuntimeDirectory(), "../../.."));

    // The container's args, a list in one line that is JSON too, with files of this test in the place of the volumes'.
    private string[] Arguments() =>
        [.. JsonSerializer.Deserialize<string[]>(Args().Match(Job).Groups["list"].Value)!.Select(argument => argument switch
        {
            "/pictures" => _folder.File("pictures"),
            "/model/vgg16.onnx" => Path.Combine(Repository.Root, "onnx/demo-base.onnx"),
            "/cache/vgg16" => _folder.File("cache"),
            _ => argument,
        })];

    [GeneratedRegex(@"^ *args: (?<list>\[.*\])$", RegexOptions.Multiline)]
    private static partial Regex Args();

    [GeneratedRegex(@"^  completions: (?<number>\d+)$", RegexOptions.Multiline)]
    private static partial Regex Completions();
}
