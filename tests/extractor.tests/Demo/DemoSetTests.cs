using Headstart.Extraction.Demo;

namespace Headstart.Tests.Demo;

public sealed class DemoSetTests : IDisposable
{
    private static readonly DemoSetOptions Small = new() { Classes = 2, PerClass = 4, Seed = 1 };

    private readonly string _folder = Directory.CreateTempSubdirectory("headstart demo ").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_set_has_train_and_val_folders_with_a_folder_for_each_class()
    {
        Assert.Equal(8, Write(Small));
        Assert.Equal(["train", "val"], Names(Directory.GetDirectories(_folder)));
        foreach (var (split, count) in new[] { ("train", 3), ("val", 1) })
        {
            Assert.Equal(["disc", "spiral"], Names(Directory.GetDirectories(Path.Combine(_folder, split))));
            foreach (var name in new[] { "disc", "spiral" })
                Assert.Equal(count, Directory.GetFiles(Path.Combine(_folder, split, name), "*.jpg").Length);
        }
    }

    [Fact]
    public void Skipped_classes_are_left_out_and_the_others_stay_as_they_are()
    {
        var after = Small with { Classes = 2, Skip = 1 };
        var all = Small with { Classes = 3 };

        Assert.Equal(["spiral", "star"], after.Items().Select(i => DemoClass.All[i.Class].Name).Distinct());
        Assert.Equal(all.Items().Where(i => i.Class > 0), after.Items());
        Assert.Equal(DemoSet.Draw(all, all.Items().Last()).Pixels, DemoSet.Draw(after, after.Items().Last()).Pixels);
    }

    [Fact]
    public void A_written_picture_is_the_drawn_one_but_for_the_jpeg()
    {
        Write(Small);
        var item = Small.Items().First();
        using var read = NetVips.Image.NewFromFile(Path.Combine(_folder, item.Path));
        var drawn = DemoSet.Draw(Small, item);
        Assert.Equal((drawn.Width, drawn.Height, 3), (read.Width, read.Height, read.Bands));
        var pixels = read.WriteToMemory<byte>();
        Assert.InRange(pixels.Zip(drawn.Pixels).Average(p => Math.Abs(p.First - p.Second)), 0, 6);
    }

    [Fact]
    public void A_second_run_draws_only_what_is_missing()
    {
        Write(Small);
        var kept = Path.Combine(_folder, "train", "disc", "disc-00000.jpg");
        var lost = Path.Combine(_folder, "val", "spiral", "spiral-00003.jpg");
        var (before, touched) = (File.ReadAllBytes(lost), File.GetLastWriteTimeUtc(kept));
        File.Delete(lost);
        Assert.Equal(1, Write(Small));
        Assert.Equal(before, File.ReadAllBytes(lost));
        Assert.Equal(touched, File.GetLastWriteTimeUtc(kept));
        Assert.Equal(0, Write(Small));
    }

    [Fact]
    public void A_folder_with_other_files_is_refused_and_left_alone()
    {
        var theirs = Path.Combine(_folder, "holiday.jpg");
        File.WriteAllText(theirs, "mine");
        var error = Assert.Throws<CommandException>(() => Write(Small));
        Assert.Contains("not empty", error.Message, StringComparison.Ordinal);
        Assert.Equal([theirs], Directory.GetFileSystemEntries(_folder));
        Assert.Equal("mine", File.ReadAllText(theirs));
    }

    [Fact]
    public void A_set_drawn_with_other_options_is_refused_and_both_are_named()
    {
        Write(Small);
        var error = Assert.Throws<CommandException>(() => Write(Small with { Seed = 2 }));
        Assert.Contains("seed 1", error.Message, StringComparison.Ordinal);
        Assert.Contains("seed 2", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("not json")]
    [InlineData("null")]
    [InlineData("{\"drawing\":0,\"unknown\":1}")]
    public void A_damaged_marker_is_refused(string marker)
    {
        File.WriteAllText(Path.Combine(_folder, DemoSet.MarkerName), marker);
        Assert.Contains("options unknown", Assert.Throws<CommandException>(() => Write(Small)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_in_place_of_the_folder_is_refused()
    {
        var file = Path.Combine(_folder, "file");
        File.WriteAllText(file, "");
        Assert.Throws<CommandException>(() => DemoSet.Write(file, Small, 1, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Numbers_that_no_set_can_have_are_usage_errors()
    {
        foreach (var wrong in new[]
        {
            Small with { Classes = 0 },
            Small with { Classes = 17 },
            Small with { PerClass = 1 },
            Small with { PerClass = -1 },
            Small with { Skip = -1 },
            Small with { Skip = 15 },
        })
            Assert.Equal(ExitCode.Usage, Assert.Throws<CommandException>(wrong.Validate).ExitCode);
        (Small with { Classes = DemoClass.All.Count, PerClass = 2 }).Validate();
    }

    [Fact]
    public void An_interrupted_run_stops_and_a_later_one_goes_on()
    {
        using var interrupted = new CancellationTokenSource();
        interrupted.Cancel();
        Assert.Throws<OperationCanceledException>(() => DemoSet.Write(_folder, Small, 2, interrupted.Token));
        Assert.Equal(8, Write(Small));
    }

    private int Write(DemoSetOptions options) => DemoSet.Write(_folder, options, threads: 2, TestContext.Current.CancellationToken);

    private static string[] Names(string[] paths) => [.. paths.Select(p => Path.GetFileName(p)).Order(StringComparer.Ordinal)];
}
