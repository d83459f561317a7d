using Headstart.Tests.Programs;

namespace Headstart.Tests.Interruption;

/// <summary>Nothing is lost and nothing is half there, whatever ends a run.</summary>
public sealed class InterruptionTests(WideCache wide) : IClassFixture<WideCache>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>The files of a part in the order in which they get their names; with the second part ten rows are there and twelve or
    /// more are not.</summary>
    [Theory]
    [InlineData("part-00000.parquet")]
    [InlineData("part-00001.parquet.sha256.tmp")]
    [InlineData("part-00001.parquet.sha256")]
    [InlineData("part-00001.parquet.tmp")]
    public async Task Killed_as_a_file_gets_its_name_the_cache_is_whole_and_the_next_run_goes_on(string file)
    {
        var cache = wide.File($"killed at {file}");
        (await KillAtFile.Run(cache, wide.ExtractTo(cache), path => path == file)).EndedWith(KillAtFile.Killed);

        (await ProgramRun.Extractor("cache", "verify", cache)).EndedWith(0);
        var again = (await ProgramRun.Extractor([.. wide.ExtractTo(cache), "--json"])).EndedWith(0);

        Assert.InRange(WideCache.Reused(again), WideCache.PartRows, WideCache.Images - 1);
        await wide.AssertEqualsWhole(cache);
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
            Assert.Matches(
                $@"^error: Interrupted\. \d+ of {WideCache.Images} images are in .*\. To go on: " +
                @"extractor extract \S+ --model \S+ --out \S+ --batch 2 --threads 2 --device cpu$", run.Error.Trim());
            Assert.Equal("", run.Output);
        }

        Assert.InRange(
            WideCache.Reused((await ProgramRun.Extractor([.. wide.ExtractTo(cache), "--json"])).EndedWith(0)), WideCache.PartRows,
                WideCache.Images - 1);
        await wide.AssertEqualsWhole(cache);
    }

    [Fact]
    public async Task A_full_disk_is_said_and_after_making_room_the_run_goes_on()
    {
        var disk = Directory.CreateDirectory(wide.File("disk")).FullName;
        // Room for two of the four parts.
        var bytes = Directory.GetFiles(wide.Whole).Sum(f => new FileInfo(f).Length) * 2 / 3;
        var mount = await ProgramRun.Of("mount", "-t", "tmpfs", "-o", $"size={bytes}", "tmpfs", disk);
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
        Assert.Matches($@"^error: .*held is in use by process \d+ on {Environment.MachineName} since 20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC\.",
            second.Error);

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

        Assert.Contains(
            "part-00002.parquet", (await ProgramRun.Extractor("cache", "verify", cache)).EndedWith(1).Error, StringComparison.Ordinal);
        var trained = (await ProgramRun.Trainer("train", cache, "--out", wide.File("run"), "--head", "gap")).EndedWith(1);
        Assert.Contains("part-00002.parquet", trained.Error, StringComparison.Ordinal);

        File.Delete(part);
        var again = (await ProgramRun.Extractor([.. wide.ExtractTo(cache), "--json"])).EndedWith(0);
        Assert.Equal(WideCache.Images - WideCache.PartRows, WideCache.Reused(again));
        await wide.AssertEqualsWhole(cache);
    }
}
