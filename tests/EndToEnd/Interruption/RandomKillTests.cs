using Headstart.Tests.Programs;

namespace Headstart.Tests.Interruption;

/// <summary>As <see cref="InterruptionTests"/>, at moments that nobody chose.</summary>
[Trait("Category", "Slow")]
public sealed class RandomKillTests(WideCache wide) : IClassFixture<WideCache>
{
    private const int Kills = 50;

    [Fact]
    public async Task Killed_at_fifty_random_moments_the_cache_is_whole_each_time_and_complete_in_the_end()
    {
        var random = new Random(50);
        var cache = wide.File("killed");
        var (kills, hits, completed) = (0, 0, 0);
        while (kills < Kills)
        {
            // At a random one of the files that a run of four parts names, and a random while later.
            var (events, moment) = (0, random.Next(1, 20));
            var run = await KillAtFile.Run(cache, wide.ExtractTo(cache), _ => ++events == moment,
                TimeSpan.FromMilliseconds(random.Next(0, 40)));
            if (run.ExitCode != KillAtFile.Killed)
            {
                run.EndedWith(0);
                await wide.AssertEqualsWhole(cache);
                Directory.Delete(cache, recursive: true);
                completed++;
                continue;
            }

            kills++;
            if (Directory.GetFiles(cache, "*.parquet").Length == 0)
                continue;
            (await ProgramRun.Extractor("cache", "verify", cache)).EndedWith(0);
            if (await CacheRows.Query($"select count(*) from '{cache}/*.parquet'") is > 0L and < (long)WideCache.Images)
                hits++;
        }

        (await ProgramRun.Extractor(wide.ExtractTo(cache))).EndedWith(0);
        await wide.AssertEqualsWhole(cache);
        var told = $"{kills} kills, {hits} of them with some rows there and not all; {completed} runs completed in between";
        TestContext.Current.SendDiagnosticMessage(told);
        Assert.True(hits >= Kills / 3, told);
    }
}
