using Headstart.Cache;

namespace Headstart.Tests.Cache;

public sealed class CacheVerificationTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_fresh_cache_is_whole()
    {
        await CacheSamples.WriteAsync(_folder.Path, CacheSamples.Contract(), 0, 30);
        await CacheSamples.WriteAsync(_folder.Path, CacheSamples.Contract(), 30, 7);

        var found = await VerifyAsync();

        Assert.Equal((37, 2), (found.Rows, found.Files));
        Assert.Empty(found.Damaged);
        Assert.Empty(found.Unfinished);
    }

    [Fact]
    public async Task Every_one_of_a_thousand_flipped_bits_is_found()
    {
        await CacheSamples.WriteAsync(_folder.Path, CacheSamples.Contract(), 0, 30);
        await CacheSamples.WriteAsync(_folder.Path, CacheSamples.Contract(), 30, 7);
        var files = Directory.GetFiles(_folder.Path, "part-*").Order().ToArray();
        Assert.Equal(4, files.Length);
        var random = new Random(4);
        var unseen = new List<string>();
        for (var i = 0; i < 1000; i++)
        {
            // Half of them in the digests and footers, which are small.
            var file = files[random.Next(files.Length)];
            var whole = File.ReadAllBytes(file);
            var at = random.Next(2) == 0 ? random.Next(whole.Length) : whole.Length - 1 - random.Next(Math.Min(whole.Length, 400));
            var flipped = whole.ToArray();
            flipped[at] ^= (byte)(1 << random.Next(8));
            File.WriteAllBytes(file, flipped);

            var found = await VerifyAsync();
            if (found.Damaged.Count != 1)
                unseen.Add($"{Path.GetFileName(file)} byte {at}");
            File.WriteAllBytes(file, whole);
        }

        Assert.Empty(unseen);
    }

    [Fact]
    public async Task A_missing_digest_and_a_missing_part_are_told_apart()
    {
        await CacheSamples.WriteAsync(_folder.Path, CacheSamples.Contract(), 0, 3);
        await CacheSamples.WriteAsync(_folder.Path, CacheSamples.Contract(), 3, 3);
        File.Delete(_folder.File("part-00000.parquet"));
        File.Delete(_folder.File("part-00001.parquet.sha256"));

        var found = await VerifyAsync();

        Assert.EndsWith("part-00001.parquet", Assert.Single(found.Damaged).File, StringComparison.Ordinal);
        Assert.EndsWith("part-00000.parquet.sha256", Assert.Single(found.Unfinished), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_part_being_replaced_is_whole_before_and_after_the_rename_and_the_next_writer_tidies_up()
    {
        await CacheSamples.WriteAsync(_folder.Path, CacheSamples.Contract(), 0, 3);
        var digest = _folder.File("part-00000.parquet.sha256");
        var line = File.ReadAllText(digest);
        var other = new string('0', 64) + line[64..];
        foreach (var lines in new[] { line + other, other + line })
        {
            File.WriteAllText(digest, lines);
            File.WriteAllText(_folder.File("part-00009.parquet.tmp"), "half");
            File.WriteAllText(_folder.File("part-00009.parquet.sha256"), line);
            Assert.Empty((await VerifyAsync()).Damaged);

            _ = new CacheWriter(new CacheFolder(_folder.Path), CacheSamples.Contract(), TimeProvider.System);

            Assert.Equal(line, File.ReadAllText(digest));
            Assert.Equal(
                ["part-00000.parquet", "part-00000.parquet.sha256"], Directory.GetFiles(_folder.Path).Select(Path.GetFileName).Order());
        }

        File.WriteAllText(digest, other + other);
        Assert.Single((await VerifyAsync()).Damaged);
    }

    private Task<CacheVerification> VerifyAsync() => CacheVerification.RunAsync(_folder.Path, CancellationToken.None);
}
