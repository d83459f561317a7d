using System.Text.Json.Nodes;
using Headstart.Cache;
using Headstart.Models;

namespace Headstart.Tests.Commands;

/// <summary>
/// The real program on a cache of an int8 model's bytes, beside the same features stored as floats: nobody could tell which was read.
/// </summary>
public sealed class TrainOnBytesTests : IAsyncLifetime
{
    private static readonly ModelLayer Layer = new("block5_pool", new LayerShape(16, 3, 3));

    private static readonly ByteGrid Grid = new(120, [.. Enumerable.Range(0, 16).Select(c => (double)(0.02f + (c * 0.001f)))]);

    private readonly TemporaryFolder _folder = new();
    private readonly TrainerProgram _program;

    public TrainOnBytesTests() => _program = new TrainerProgram(_folder.Path);

    public async ValueTask InitializeAsync()
    {
        var floats = SyntheticCache.Contract(Layer) with { Precision = "int8" };
        var rows = SyntheticCache.Rows(40, ["cats", "dogs"]);
        await SyntheticCache.WriteAsync(_program.At("floats"), floats, rows, Features);
        await SyntheticCache.WriteAsync(_program.At("bytes"),
            floats with { Storage = LayerStorage.Bytes, Grids = new Dictionary<string, ByteGrid> { [Layer.Name] = Grid } }, rows, Features);
    }

    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }

    [Theory]
    [InlineData("--head", "flatten, dense(16, relu), dropout(0.3)", "--batch", "8", "--seed", "7")]
    [InlineData("--head", "flatten, dense(16, relu), dropout(0.3)", "--batch", "8", "--seed", "7", "--block-rows", "32")]
    [InlineData("--head", "gap", "--optimizer", "lbfgs", "--l2", "0.01")]
    public async Task The_head_is_the_same_to_the_last_bit(params string[] options)
    {
        foreach (var cache in (string[])["floats", "bytes"])
            Assert.Equal(ExitCode.Done, (await _program.TrainAsync([cache, "--out", "run-" + cache, .. options])).Code);

        Assert.Equal(
            File.ReadAllBytes(_program.At("run-floats/head.safetensors")), File.ReadAllBytes(_program.At("run-bytes/head.safetensors")));
    }

    [Fact]
    public async Task A_run_is_judged_on_either_kind_and_both_train_together()
    {
        Assert.Equal(ExitCode.Done, (await _program.TrainAsync("floats", "--out", "run")).Code);

        var figures = new List<JsonNode>();
        foreach (var cache in (string[])["floats", "bytes"])
        {
            var (code, output, error) = await _program.RunAsync("evaluate", "run", cache, "--split", "all", "--json");
            Assert.True(code == ExitCode.Done, error);
            figures.Add(JsonNode.Parse(output)!);
        }

        Assert.Equal(figures[0]["loss"]!.ToJsonString(), figures[1]["loss"]!.ToJsonString());
        Assert.Equal(figures[0]["confusion"]!.ToJsonString(), figures[1]["confusion"]!.ToJsonString());
        var (together, _, reason) = await _program.TrainAsync("floats", "bytes", "--out", "both");
        Assert.True(together == ExitCode.Done, reason);
        foreach (var cache in (string[])["floats", "bytes"])
            Assert.Equal(ExitCode.Done, (await _program.RunAsync("audit", cache, "--out", "audit-" + cache)).Code);
        foreach (var table in Directory.EnumerateFiles(_program.At("audit-floats"), "*.csv"))
            Assert.Equal(File.ReadAllText(table), File.ReadAllText(_program.At($"audit-bytes/{Path.GetFileName(table)}")));
    }

    [Fact]
    public async Task A_sweep_ends_in_the_same_leaderboard()
    {
        await File.WriteAllTextAsync(
            _program.At("space.json"),
            """{"search": "grid", "seeds": 2, "options": {"head": ["gap", "gap, dense(4, relu)"], "lr": [1e-3, 1e-2], "epochs": 3}}""",
            TestContext.Current.CancellationToken);
        foreach (var cache in (string[])["floats", "bytes"])
        {
            var (code, _, error) = await _program.RunAsync("sweep", cache, "--space", "space.json", "--out", "sweep-" + cache);
            Assert.True(code == ExitCode.Done, error);
        }

        Assert.Equal(Leaderboard("sweep-floats"), Leaderboard("sweep-bytes"));
        Assert.Equal(File.ReadAllBytes(_program.At("sweep-floats/best/head.safetensors")),
            File.ReadAllBytes(_program.At("sweep-bytes/best/head.safetensors")));

        // Without the last columns, seconds and error.
        IEnumerable<string> Leaderboard(string sweep) =>
            File.ReadLines(_program.At($"{sweep}/leaderboard.csv")).Select(l => l[..l.LastIndexOf(',', l.LastIndexOf(',') - 1)]);
    }

    // What an int8 network's last step gives for the nearest byte.
    private static float[] Features(CacheRow row, ModelLayer layer)
    {
        var area = layer.Shape.Height * layer.Shape.Width;
        return [.. SyntheticCache.Features(row, layer.Shape.Length, 0.5).Select((v, i) =>
        {
            var step = (float)Grid.Scales[i / area];
            return (Math.Clamp((int)MathF.Round(v / step) + Grid.ZeroPoint, 0, 255) - Grid.ZeroPoint) * step;
        })];
    }
}
