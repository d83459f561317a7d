using System.Text.Json;
using Headstart.Tests.Programs;

namespace Headstart.Tests.Interruption;

/// <summary>What every reader says of a cache whose extraction was killed.</summary>
[Trait("Category", "Slow")]
public sealed class IncompleteCacheTests(WideCache wide) : IClassFixture<WideCache>
{
    [Fact]
    public async Task A_killed_extraction_is_told_by_info_and_verify_warned_of_by_readers_and_refused_on_demand()
    {
        var cache = wide.File("cut");
        await using (var program = RunningProgram.Start(RunningProgram.Executable("extractor"), wide.ExtractTo(cache)))
        {
            while (!File.Exists(Path.Combine(cache, "part-00000.parquet")))
                await Task.Delay(5, TestContext.Current.CancellationToken);
            await program.Signal("KILL");
            await program.Ended();
        }

        var words = $@"incomplete: \d+ of {WideCache.Images} images; run extract again to go on";
        Assert.Matches(words, (await ProgramRun.Extractor("cache", "info", cache)).EndedWith(0).Output);
        Assert.Matches(words, (await ProgramRun.Extractor("cache", "verify", cache)).EndedWith(0).Output);
        Assert.Matches(words, (await ProgramRun.Extractor("cache", "verify", cache, "--require-complete")).EndedWith(1).Error);
        foreach (var command in new[] { "info", "verify" })
        {
            var json = JsonDocument.Parse((await ProgramRun.Extractor("cache", command, cache, "--json")).EndedWith(0).Output).RootElement;
            Assert.Equal(WideCache.Images, json.GetProperty("completeness").GetProperty("images").GetInt32());
            Assert.False(json.GetProperty("completeness").GetProperty("complete").GetBoolean());
        }

        var refused =
            (await ProgramRun.Trainer("train", cache, "--out", wide.File("refused"), "--head", "gap", "--require-complete")).EndedWith(1);
        Assert.Matches($"^error: .*cut is {words}", refused.Error);
        Assert.False(Directory.Exists(wide.File("refused")));
        Assert.Matches(
            words, (await ProgramRun.Trainer("audit", cache, "--out", wide.File("audit"), "--require-complete")).EndedWith(1).Error);

        (await ProgramRun.Extractor(wide.ExtractTo(cache))).EndedWith(0);
        var trained = (await ProgramRun.Trainer(
            "train", cache, "--out", wide.File("run"), "--head", "gap", "--epochs", "1", "--require-complete")).EndedWith(0);
        Assert.DoesNotContain("incomplete", trained.Everything, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_copy_beside_a_part_is_named_by_every_reader_and_harms_nothing()
    {
        var cache = wide.File("copied");
        (await ProgramRun.Extractor(wide.ExtractTo(cache))).EndedWith(0);
        File.Copy(Path.Combine(cache, "part-00000.parquet"), Path.Combine(cache, "part-00000.bak.parquet"));

        Assert.Equal(WideCache.Images, WideCache.Reused((await ProgramRun.Extractor([.. wide.ExtractTo(cache), "--json"])).EndedWith(0)));

        string[][] readers =
        [
            wide.ExtractTo(cache), ["cache", "info", cache], ["cache", "verify", cache],
        ];
        foreach (var reader in readers)
            Assert.Contains("part-00000.bak.parquet", (await ProgramRun.Extractor(reader)).EndedWith(0).Error, StringComparison.Ordinal);
        var trained = await ProgramRun.Trainer("train", cache, "--out", wide.File("copied-run"), "--head", "gap", "--epochs", "1");
        Assert.Contains("part-00000.bak.parquet", trained.EndedWith(0).Error, StringComparison.Ordinal);
        File.Delete(Path.Combine(cache, "part-00000.bak.parquet"));
        await wide.AssertEqualsWhole(cache);
    }
}
