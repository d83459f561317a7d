using Headstart.Tests.Programs;

namespace Headstart.Tests.Interruption;

/// <summary>Nothing is lost and nothing is half there, whatever ends a run.</summary>
[Trait("Category", "Slow")]
public sealed class InterruptionTests(WideCache wide) : IClassFixture<WideCache>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Killed_at_fifty_random_moments_the_cache_is_whole_each_time_and_complete_in_the_end()
    {
        var random = new Random(50);
        var cache = wide.File("killed");
        var kills = 0;
        var completed = 0;
        while (kills < 50)
        {
            await using var program = RunningProgram.Start(RunningProgram.Executable("extractor"), wide.ExtractTo(cache));
            var end = program.Ended();
            if (await Task.WhenAny(end, Task.Delay(random.Next(200, 2500), Cancellation)) == end)
            {
                (await end).EndedWith(0);
                await wide.AssertEqualsWhole(cache);
                Directory.Delete(cache, recursive: true);
                completed++;
                continue;
            }

            await program.Signal("KILL");
            await end;
            kills++;
            if (Directory.Exists(cache) && Directory.GetFiles(cache, "*.parquet").Length > 0)
                (await ProgramRun.Extractor("cache", "verify", cache)).EndedWith(0);
        }

        (await ProgramRun.Extractor(wide.ExtractTo(cache))).EndedWith(0);
        await wide.AssertEqualsWhole(cache);
        TestContext.Current.SendDiagnosticMessage($"{kills} kills, {completed} runs completed in between");
    }

    [Theory]
    [InlineData("INT")]
    [InlineData("TERM")]
    public async Task A_signal_ends_the_run_with_130_and_what_was_computed_stays(string signal)
    {
        var cache = wide.File($"signalled-{signal}");
        await using (var program = RunningProgram.Start(RunningProgram.Executable("extractor"), wide.ExtractTo(cache)))
        {
            while (!File.Exists(Path.Combine(cache, "part-00000.parquet")))
                await Task.Delay(5, Cancellation);
            await program.Signal(signal);
            var run = (await program.Ended()).EndedWith(130);
            Assert.Matches($@"^error: Interrupted\. \d+ of {WideCache.Images} images are in .*\. To go on: extractor extract \S+ --model \S+ --out \S+ --batch 2 --threads 2 --device cpu$", run.Error.Trim());
            Assert.Equal("", run.Output);
        }

        Assert.InRange(WideCache.Reused((await ProgramRun.Extractor([.. wide.ExtractTo(cache), "--json"])).EndedWith(0)), 10, WideCache.Images - 1);
        await wide.AssertEqualsWhole(cache);
    }

    [Fact]
    public async Task A_full_disk_is_said_and_after_making_room_the_run_goes_on()
    {
        var disk = Directory.CreateDirectory(wide.File("disk")).FullName;
        var mount = await ProgramRun.Of("mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", disk);
        Assert.SkipUnless(mount.ExitCode == 0, $"Mounting a tmpfs needs root: {mount.Error.Trim()}");
        try
        {
            var cache = Path.Combine(disk, "cache");
            var full = (await ProgramRun.Extractor(wide.ExtractTo(cache))).EndedWith(1);
            Assert.Contains("Can't write", Assert.Single(full.Error.Trim().Split('\n')), StringComparison.Ordinal);
            Assert.Contains("make room", full.Error, StringComparison.Ordinal);
            (await ProgramRun.Extractor("cache", "verify", cache)).EndedWith(0);

            (await ProgramRun.Of("mount", "-o", "remount,size=400m", disk)).EndedWith(0);
            var rest = (await ProgramRun.Extractor([.. wide.ExtractTo(cache), "--json"])).EndedWith(0);

            Assert.InRange(WideCache.Reused(rest), 1, WideCache.Images - 1);
            await wide.AssertEqualsWhole(cache);
        }
        finally
        {
            // Lazily: DuckDB may still hold a file that it has read.
            await ProgramRun.Of("umount", "-l", disk);
        }
    }

    [Fact]
    public async Task A_second_extractor_says_who_holds_the_cache_and_leaves_and_a_dead_holder_holds_nothing()
    {
        var cache = wide.File("held");
        await using var first = RunningProgram.Start(RunningProgram.Executable("extractor"), wide.ExtractTo(cache));
        while (!File.Exists(Path.Combine(cache, ".lock-holder.json")))
            await Task.Delay(10, Cancellation);
        await first.Signal("STOP");

        var second = (await ProgramRun.Extractor(wide.ExtractTo(cache))).EndedWith(1);
        Assert.Matches($@"^error: .*held is in use by process \d+ on {Environment.MachineName} since 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC\.", second.Error);

        await first.Signal("KILL");
        await first.Ended();
        (await ProgramRun.Extractor(wide.ExtractTo(cache))).EndedWith(0);
        await wide.AssertEqualsWhole(cache);
    }

    [Fact]
    public async Task A_flipped_bit_is_named_by_verify_and_by_the_trainer_and_mended_by_extracting_again()
    {
        var cache = wide.File("flipped");
        (await ProgramRun.Extractor(wide.ExtractTo(cache))).EndedWith(0);
        var part = Path.Combine(cache, "part-00002.parquet");
        var bytes = await File.ReadAllBytesAsync(part, Cancellation);
        bytes[bytes.Length / 3] ^= 16;
        await File.WriteAllBytesAsync(part, bytes, Cancellation);

        Assert.Contains("part-00002.parquet", (await ProgramRun.Extractor("cache", "verify", cache)).EndedWith(1).Error, StringComparison.Ordinal);
        Assert.Contains("part-00002.parquet", (await ProgramRun.Trainer("train", cache, "--out", wide.File("run"), "--head", "gap")).EndedWith(1).Error, StringComparison.Ordinal);

        File.Delete(part);
        var again = (await ProgramRun.Extractor([.. wide.ExtractTo(cache), "--json"])).EndedWith(0);
        Assert.Equal(WideCache.Images - 10, WideCache.Reused(again));
        await wide.AssertEqualsWhole(cache);
    }
}
