using System.Text.Json;
using Headstart.Tests.Programs;

namespace Headstart.Tests.BrokenImages;

/// <summary>Files of every kind, damaged in every way, in one run: each gives features or a reason.</summary>
public sealed class DamagedImageTests(DamagedFiles damaged) : IClassFixture<DamagedFiles>, IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Each_cut_file_is_rejected_and_each_flipped_header_byte_gives_features_or_a_reason()
    {
        var (cut, flipped, run) = (damaged.Cut, damaged.Flipped, damaged.Run);

        Assert.Equal(cut.Count + flipped.Count, run["images"]);
        Assert.Equal(cut.Concat(flipped).Order(StringComparer.Ordinal),
            run.Rows.Keys.Concat(run.Rejected.Select(r => r.Path)).Order(StringComparer.Ordinal));
        Assert.Equal((run.Rows.Count, run.Rejected.Count), (run["computed"], run["rejected"]));
        Assert.DoesNotContain(cut, run.Rows.ContainsKey);
        Assert.All(run.Rejected, r => Assert.True(r.Reason.Length is > 10 and < 200
            && !r.Reason.Any(char.IsControl), $"{r.Path}: '{r.Reason}'"));

        // A flipped byte may make a header claim a large picture, but a claim alone takes no memory.
        Assert.InRange(run.PeakMemoryBytes, 0, 1L << 30);
    }

    /// <summary>What PIL makes of the same files, where it is installed.</summary>
    [Fact]
    public async Task What_PIL_rejects_is_rejected_except_as_stated_and_sizes_agree()
    {
        var (cut, flipped, run) = (damaged.Cut, damaged.Flipped, damaged.Run);
        var theirs = await PilSizes(damaged.Images);

        foreach (var path in cut.Concat(flipped))
        {
            // docs/PARITY.md: damage in what a PNG's or TIFF's picture can do without is no reason here; PIL counts the palette of a BMP
            // by another field.
            if (theirs[path] is not [var width, var height])
                Assert.True(!run.Rows.ContainsKey(path) || path.Contains("png-with-a-colour-profile", StringComparison.Ordinal)
                    || path.Contains("tiff", StringComparison.Ordinal)
                    || path.Contains("bmp", StringComparison.Ordinal), $"{path}: rejected by PIL");
            else if (run.Rows.TryGetValue(path, out var ours))
                Assert.Equal((path, width, height), (path, ours.Width, ours.Height));
        }

        // Stricter than PIL in the kinds of damage that docs/PARITY.md lists; most files have the same fate.
        Assert.InRange(flipped.Count(path => theirs[path] is not null != run.Rows.ContainsKey(path)), 0, flipped.Count / 10);
    }

    [Fact]
    public async Task The_hard_files_of_other_projects_give_features_or_a_reason()
    {
        var files = Directory.EnumerateFiles(SharedMaterial.Find("data/nasty")).Where(f =>
            !f.EndsWith(".txt", StringComparison.Ordinal)).ToList();

        var run = await Extraction.RunAsync(SharedMaterial.Find("data/nasty"), _folder.File("cache"), "--max-rejected", "20");

        run.Program.EndedWith(0);
        Assert.Equal(files.Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal),
            run.Rows.Keys.Concat(run.Rejected.Select(r => r.Path)).Order(StringComparer.Ordinal));

        // PIL rejects the same: see the table of docs/PARITY.md.
        Assert.Equal(6, run.Rejected.Count);
        Assert.Contains(run.Rejected, r => r.Path == "truncated.jpg");
        Assert.Contains(run.Rejected, r => r.Path == "truncated.png");
        Assert.InRange(run.PeakMemoryBytes, 0, 1L << 30);
    }

    [Fact]
    public async Task Headers_that_claim_too_many_pixels_are_rejected_without_taking_memory()
    {
        (string Name, int Side)[] claims =
        [
            ("jpeg 4:2:0", 60_000), ("jpeg progressive", 60_000), ("png rgb", 60_000), ("gif", 60_000), ("webp lossy", 16_383),
            ("tiff", 60_000), ("bmp 24-bit", 60_000),
        ];
        foreach (var (name, side) in claims)
            _folder.Write($"images/{name.Replace(':', '-')}.jpg", SampleImages.Claiming(name, side));
        _folder.Write("images/good.jpg", SampleImages.File("jpeg 4:2:0"));

        var run = await Extraction.RunAsync(_folder.File("images"), _folder.File("cache"));

        run.Program.EndedWith(1);
        Assert.Contains("7 of 8 images can't be used (87.5%", run.Program.Error, StringComparison.Ordinal);
        Assert.Equal(["good.jpg"], run.Rows.Keys);
        foreach (var (name, side) in claims)
        {
            var reason = run.Reason($"{name.Replace(':', '-')}.jpg");
            Assert.Contains($"{side} x {side} pixels are more than the limit", reason, StringComparison.Ordinal);
        }

        // 400 MB are less than any of them alone would take.
        Assert.InRange(run.PeakMemoryBytes, 0, 400L << 20);
    }

    /// <summary>A kilobyte that claims 13,000 x 13,000 pixels is within the limit, and libjpeg takes 2 GB to find that nothing is
    /// there.</summary>
    [Fact]
    [Trait("Category", "Slow")]
    public async Task Pictures_that_take_much_memory_are_decoded_one_at_a_time_whatever_the_number_of_threads()
    {
        for (byte i = 0; i < 6; i++)
            _folder.Write($"images/{i}.jpg", [.. SampleImages.Claiming("jpeg progressive", 13_000), i]);
        _folder.Write("images/good.jpg", SampleImages.File("jpeg 4:2:0"));

        var run = await Extraction.RunAsync(_folder.File("images"), _folder.File("cache"), "--threads", "8");

        Assert.Equal(6, run["rejected"]);
        Assert.All(run.Rejected, r => Assert.Equal("damaged JPEG: the data ends before the picture does", r.Reason));
        Assert.Contains("good.jpg", run.Rows);

        // The limit of 2.5 GiB for decoding, and what the program takes besides.
        Assert.InRange(run.PeakMemoryBytes, 1L << 30, (5L << 29) + (500L << 20));
    }

    /// <summary>Width and height as PIL's convert("RGB") gives them, or null for what it rejects.</summary>
    private static async Task<Dictionary<string, int[]?>> PilSizes(string images)
    {
        const string Python = "/usr/bin/python3", Script = """
            import json, os, sys, warnings
            from PIL import Image
            warnings.simplefilter("ignore")
            def size(path):
                try:
                    return list(Image.open(path).convert("RGB").size)
                except Exception:
                    return None
            root = sys.argv[1]
            paths = [os.path.relpath(os.path.join(folder, name), root) for folder, _, names in os.walk(root) for name in names]
            print(json.dumps({path: size(os.path.join(root, path)) for path in paths}))
            """;
        Assert.SkipUnless(File.Exists(Python), $"{Python} isn't there.");
        var run = await ProgramRun.Of(Python, "-c", Script, images);
        Assert.SkipUnless(run.ExitCode == 0, $"{Python} has no PIL: {run.Error.Trim().Split('\n')[^1]}");
        return JsonSerializer.Deserialize<Dictionary<string, int[]?>>(run.Output)!;
    }
}
