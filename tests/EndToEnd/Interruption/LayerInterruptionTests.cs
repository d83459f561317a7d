using System.Text.Json;
using Headstart.Tests.Programs;

namespace Headstart.Tests.Interruption;

/// <summary>A layer is added to all rows or to none, whatever ends the run.</summary>
[Trait("Category", "Slow")]
public sealed class LayerInterruptionTests : IDisposable
{
    private const int Images = 60;

    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("block1_pool", "block2_pool")] // from the cached layer
    [InlineData("block2_pool", "block1_pool")] // from the images
    public async Task Killed_at_random_moments_the_layer_is_in_all_rows_or_in_none(string first, string added)
    {
        (await ProgramRun.Extractor("demo-data", _folder.File("pictures"), "--per-class", $"{Images / 2}")).EndedWith(0);
        SeededWeights.Write(_folder.File("weights.safetensors"), convolutions: 2);
        (await ProgramRun.Extractor(
            "model", "import", _folder.File("weights.safetensors"), "--arch", "vgg11", "--preset", "keras", "--layer", "block1_pool", "--layer", "block2_pool",
            "--out", _folder.File("wide.onnx"))).EndedWith(0);
        foreach (var cache in new[] { "whole", "killed" })
            (await ProgramRun.Extractor(Extract(cache, first))).EndedWith(0);
        (await ProgramRun.Extractor(Extract("whole", added))).EndedWith(0);

        var random = new Random(7);
        var before = 0;
        for (var kill = 0; kill < 12; kill++)
        {
            await using var program = RunningProgram.Start(RunningProgram.Executable("extractor"), Extract("killed", added));
            var end = program.Ended();
            if (await Task.WhenAny(end, Task.Delay(random.Next(300, 2000), Cancellation)) == end)
            {
                (await end).EndedWith(0);
                break;
            }

            await program.Signal("KILL");
            await end;
            (await ProgramRun.Extractor("cache", "verify", _folder.File("killed"))).EndedWith(0);
            var info = JsonDocument.Parse((await ProgramRun.Extractor("cache", "info", _folder.File("killed"), "--json")).EndedWith(0).Output).RootElement;
            Assert.Equal(Images, info.GetProperty("rows").GetInt32());
            var layers = info.GetProperty("layers").EnumerateObject().Count();
            Assert.InRange(layers, Math.Max(before, 1), 2);
            before = layers;
        }

        (await ProgramRun.Extractor(Extract("killed", added))).EndedWith(0);
        await CacheRows.AssertEqual(_folder.File("whole"), _folder.File("killed"), Images);
        Assert.Equal((long)Images, await CacheRows.Query($"select count(*) from '{_folder.File("killed")}/*.parquet' where len(block1_pool) > 0 and len(block2_pool) > 0"));
    }

    private string[] Extract(string cache, string layer) =>
        ["extract", _folder.File("pictures"), "--model", _folder.File("wide.onnx"), "--out", _folder.File(cache), "--layer", layer, "--batch", "2", "--threads", "2", "--device", "cpu"];
}
