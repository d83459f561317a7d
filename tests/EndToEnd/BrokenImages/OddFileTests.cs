using Headstart.Tests.Programs;

namespace Headstart.Tests.BrokenImages;

/// <summary>What a file system can hold under the name of an image, and names that it allows.</summary>
public sealed class OddFileTests : IAsyncDisposable
{
    private const string SetPriv = "/usr/bin/setpriv";

    private readonly TemporaryFolder _folder = new();

    public OddFileTests()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Made for Linux: pipes, devices and names of any bytes.");
        for (var i = 0; i < 3; i++)
            _folder.Write($"images/cats/good-{i}.jpg", Picture((byte)i));
    }

    public async ValueTask DisposeAsync()
    {
        // .NET can't remove what has a name that isn't UTF-8.
        await Shell("rm -rf ../*");
        _folder.Dispose();
    }

    [Fact]
    public async Task What_is_no_regular_file_is_rejected_and_never_waited_for()
    {
        await Shell("""
            : > zero.jpg; mkdir folder.jpg; mkfifo pipe.jpg; ln -s pipe.jpg piped.jpg; ln -s /dev/zero endless.jpg; ln -s /proc/self/mem memory.jpg
            ln -s self.jpg self.jpg; ln -s round-2.jpg round-1.jpg; ln -s round-1.jpg round-2.jpg; ln -s nowhere.jpg dangling.jpg
            truncate -s 100G huge.jpg; ln -s huge.jpg huge-link.jpg; echo 'no picture' > text.jpg; ln -s good-0.jpg linked.jpg; truncate -s 300M blank.jpg
            """);

        var run = await Extract();

        string[] notRegular = ["zero.jpg", "pipe.jpg", "piped.jpg", "endless.jpg", "memory.jpg"];
        Assert.All(
            notRegular, name => Assert.Equal("the file is empty, or no regular file but a pipe or a device", run.Reason($"cats/{name}")));
        Assert.All((string[])["self.jpg", "round-1.jpg", "round-2.jpg"],
            name => Assert.Equal("the file can't be read: a link that leads in a circle", run.Reason($"cats/{name}")));
        Assert.All(
            (string[])["huge.jpg", "huge-link.jpg"], name => Assert.Equal("the file is larger than 512 MiB", run.Reason($"cats/{name}")));
        Assert.Equal("a folder, not a file", run.Reason("cats/folder.jpg"));
        Assert.Equal("a link to a file that isn't there: nowhere.jpg", run.Reason("cats/dangling.jpg"));
        Assert.All((string[])["text.jpg", "blank.jpg"],
            name => Assert.Equal("not a JPEG, PNG, GIF, WebP, TIFF or BMP file", run.Reason($"cats/{name}")));
        Assert.Equal(
            ["cats/good-0.jpg", "cats/good-1.jpg", "cats/good-2.jpg", "cats/linked.jpg"], run.Rows.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(14, run.Rejected.Count);

        // What is no image by its first bytes is not read to its end.
        Assert.InRange(run.PeakMemoryBytes, 0, 400L << 20);
    }

    [Fact]
    public async Task Links_between_folders_never_lead_in_circles()
    {
        await Shell("""
            ln -s . here; mkdir ../dogs; cp good-0.jpg ../dogs/dog.jpg; ln -s ../dogs dogs; ln -s ../cats ../dogs/cats; ln -s self self; ln -s b a; ln -s a b; ln -s gone gone
            """);

        var run = await Extract("--max-rejected", "0");

        run.Program.EndedWith(0);
        Assert.Equal(
            ["cats/dogs/dog.jpg", "cats/good-0.jpg", "cats/good-1.jpg", "cats/good-2.jpg", "dogs/cats/good-0.jpg", "dogs/cats/good-1.jpg",
                "dogs/cats/good-2.jpg", "dogs/dog.jpg"],
            run.Rows.Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Folders_that_link_to_each_other_in_too_many_ways_are_named_at_once()
    {
        await Shell("for i in 0 1 2 3 4 5 6 7 8 9; do mkdir ../c$i; cp good-0.jpg ../c$i; for j in 0 1 2 3 4 5 6 7 8 9; do ln -s ../c$j " +
            "../c$i/l$j; done; done");

        Assert.Contains("in more than 1,000 ways", await Refusal(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Names_come_back_from_the_list_and_the_cache_as_they_are()
    {
        string[] names = ["with space", " spaces around ", "com,ma", "quote\"s'", "new\nline", "return\rand\ttab", "=formula", "ümläut 猫",
            "back\\slash", "%41", "a;b|c"];
        foreach (var (name, i) in names.Select((n, i) => (n, i)))
        {
            _folder.Write($"images/cats/{name}.jpg", Picture((byte)(10 + i)));
            _folder.Write($"images/cats/bad {name}.jpg", "no picture"u8);
        }

        var run = await Extract();

        Assert.All(names, name => Assert.Contains($"cats/{name}.jpg", run.Rows));
        Assert.Equal(names.Select(name => $"cats/bad {name}.jpg").Order(StringComparer.Ordinal),
            run.Rejected.Select(r => r.Path).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task Names_that_are_not_UTF_8_are_rejected_so_that_they_can_be_found()
    {
        await Shell(
            """cp good-0.jpg "$(printf 'x\377.jpg')"; cp good-1.jpg "$(printf 'caf\351.jpg')"; cp good-2.jpg "$(printf 'caf\350.jpg')" """);

        var run = await Extract();

        Assert.Equal(3, run.Rows.Count);
        Assert.Equal(["cats/caf\uFFFD.jpg", "cats/caf\uFFFD.jpg", "cats/x\uFFFD.jpg"], run.Rejected.Select(r => r.Path));
        Assert.All(run.Rejected, r => Assert.Contains("name is not UTF-8", r.Reason, StringComparison.Ordinal));

        // In a folder of such a name there may be any number of images: that is said before the work begins.
        await Shell("""mkdir "$(printf '../d\377')"; cp good-0.jpg ../d*""");
        Assert.Contains("d\uFFFD: its name is not UTF-8", await Refusal(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_other_programs_call_an_image_is_not_handed_to_a_surprising_loader()
    {
        _folder.Write(
            "images/cats/svg.jpg",
            "<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\" height=\"9\">"u8 +
            "<rect width=\"9\" height=\"9\"/></svg>"u8);
        _folder.Write("images/cats/pdf.jpg", "%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF"u8);
        _folder.Write("images/cats/heic.jpg", [0, 0, 0, 24, .. "ftypheic"u8, 0, 0, 0, 0, .. "mif1heic"u8, 0, 0, 0, 8, .. "mdat"u8]);
        _folder.Write("images/cats/avif.png", [0, 0, 0, 24, .. "ftypavif"u8, 0, 0, 0, 0, .. "mif1avif"u8]);
        _folder.Write("images/cats/ppm.png", [.. "P6 2 2 255\n"u8, .. new byte[12]]);
        _folder.Write("images/cats/csv.tif", "1,2,3\n4,5,6\n"u8);
        _folder.Write("images/cats/matrix.webp", "2 2\n1 2\n3 4\n"u8);
        _folder.Write("images/cats/radiance.jpg", "#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 1 +X 1\n\0\0\0\0"u8);
        _folder.Write("images/cats/bitmap.jpg", SampleImages.File("bmp 24-bit"));
        _folder.Write("images/cats/webp.gif", SampleImages.File("webp lossy"));

        var run = await Extract();

        Assert.Equal(8, run.Rejected.Count);
        Assert.All(run.Rejected, r => Assert.Equal("not a JPEG, PNG, GIF, WebP, TIFF or BMP file", r.Reason));
        Assert.Equal(["cats/bitmap.jpg", "cats/good-0.jpg", "cats/good-1.jpg", "cats/good-2.jpg", "cats/webp.gif"],
            run.Rows.Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task What_may_not_be_read_or_fails_to_be_read_is_rejected_with_the_systems_words()
    {
        // An attribute of the kernel that can only be written: it has a size, and reading it fails, for root too.
        const string WriteOnly = "/sys/bus/cpu/drivers_probe";
        Assert.SkipUnless(File.Exists(WriteOnly) && new FileInfo(WriteOnly).Length > 0, $"{WriteOnly} isn't there.");
        await Shell($"ln -s {WriteOnly} device.jpg");

        var run = await Extract("--max-rejected", "30");

        run.Program.EndedWith(0);
        Assert.StartsWith("the file can't be read: ", run.Reason("cats/device.jpg"), StringComparison.Ordinal);
        Assert.Equal(3, run.Rows.Count);
    }

    [Fact]
    public async Task Files_of_somebody_else_are_rejected_and_the_others_kept()
    {
        await Shell("cp good-0.jpg secret.jpg; chmod 600 secret.jpg");
        var asNobody = await AsNobody();

        var run = await Extraction.RunAsync(SetPriv, asNobody, _folder.File("images"), _folder.File("cache"), "--max-rejected", "30");

        run.Program.EndedWith(0);
        Assert.Contains("is denied", run.Reason("cats/secret.jpg"), StringComparison.Ordinal);
        Assert.Equal(3, run.Rows.Count);
    }

    /// <summary>Its images can't be told from deleted ones, so nothing is dropped.</summary>
    [Fact]
    public async Task A_folder_that_may_not_be_listed_ends_the_run_before_a_row_is_lost()
    {
        await Shell("mkdir ../dogs; cp good-0.jpg ../dogs/dog.jpg; cp good-1.jpg ../dogs/hound.jpg");
        var asNobody = await AsNobody();
        Task<Extraction> Run() => Extraction.RunAsync(SetPriv, asNobody, _folder.File("images"), _folder.File("cache"));
        (await Run()).Program.EndedWith(0);

        await Shell("chmod 700 ../dogs");
        var refused = (await ProgramRun.Of(
            SetPriv, [.. asNobody, "extract", _folder.File("images"), "--model", Path.Combine(
                Repository.Root, "onnx", "demo-base.onnx"), "--out", _folder.File("cache")])).EndedWith(1);
        await Shell("chmod 755 ../dogs");
        var again = await Run();

        var error = Assert.Single(refused.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith($"error: Can't list {_folder.File("images")}: ", error, StringComparison.Ordinal);
        Assert.Contains(_folder.File("images", "dogs"), error, StringComparison.Ordinal);
        Assert.EndsWith("Make it readable, or move it away.", error, StringComparison.Ordinal);
        Assert.Equal((5, 0, 5), (again.Rows.Count, again["computed"], again["reused"]));
    }

    [Fact]
    public async Task Thousands_of_rejected_images_are_one_line_and_the_good_rows_stay()
    {
        for (var i = 0; i < 3000; i++)
            _folder.Write($"images/cats/bad-{i:D4}.jpg", System.Text.Encoding.UTF8.GetBytes($"no picture {i}"));

        var run = await Extract();

        run.Program.EndedWith(1);
        var error = Assert.Single(run.Program.Error.Split('\n'), line => line.StartsWith("error: ", StringComparison.Ordinal));
        Assert.Contains("3,000 of 3,003 images can't be used (99.9%, --max-rejected is 5)", error, StringComparison.Ordinal);
        Assert.Contains("rejected.csv", error, StringComparison.Ordinal);
        Assert.Equal(3000, run.Rejected.Count);
        Assert.Equal(3, run.Rows.Count);

        var again = await Extract("--max-rejected", "100");
        Assert.Equal((0, 3, 3000), (again["computed"], again["reused"], again["rejected"]));
    }

    /// <summary>A whole picture that is no other's duplicate: a JPEG with a byte after its end.</summary>
    private static byte[] Picture(byte number) => [.. SampleImages.File("jpeg 4:2:0"), number];

    private Task<Extraction> Extract(params string[] more) => Extraction.RunAsync(_folder.File("images"), _folder.File("cache"), more);

    /// <summary>What <see cref="SetPriv"/> needs to start the extractor as a user who owns nothing but may write the cache.</summary>
    private async Task<string[]> AsNobody()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess && File.Exists(SetPriv), "Needs root, to become somebody who isn't.");
        await Shell("mkdir ../../cache; chmod 777 ../../cache; chmod 755 ../..");
        string[] asNobody = ["--reuid=65534", "--regid=65534", "--clear-groups", RunningProgram.Executable("extractor")];
        var start = await ProgramRun.Of(SetPriv, [.. asNobody, "--version"]);
        Assert.SkipUnless(start.ExitCode == 0, "The program lies where nobody else can start it.");
        return asNobody;
    }

    /// <summary>What the extractor says when it doesn't even begin.</summary>
    private async Task<string> Refusal()
    {
        var model = Path.Combine(Repository.Root, "onnx", "demo-base.onnx");
        var run =
            (await ProgramRun.Extractor("extract", _folder.File("images"), "--model", model, "--out", _folder.File("cache"))).EndedWith(1);
        Assert.DoesNotContain("   at ", run.Error, StringComparison.Ordinal);
        return run.Error;
    }

    private async Task Shell(string commands)
    {
        await using var shell = RunningProgram.Start("/bin/sh", ["-e", "-c", commands], _folder.File("images", "cats"));
        (await shell.Ended()).EndedWith(0);
    }
}
