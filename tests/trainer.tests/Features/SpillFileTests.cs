using System.Diagnostics;
using Headstart.Trainer.Features;
using static TorchSharp.torch;

namespace Headstart.Tests.Features;

public sealed class SpillFileTests : IDisposable
{
    private const int Length = 4096;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Rows_come_back_in_any_order_and_the_folder_stays_empty()
    {
        using var spill = SpillFile.TryCreate(_folder.Path, 40)!;
        Parallel.For(10, 40, row => spill.Add(row, Values(row)));

        foreach (var row in new[] { 39, 10, 25 })
            Assert.Equal(Values(row), Read(spill, row));
        Assert.Null(Read(spill, 9));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void Rows_beyond_the_limit_are_missing_and_those_before_are_not()
    {
        using var spill = SpillFile.TryCreate(_folder.Path, 10, 5 * Length * sizeof(float))!;
        for (var row = 0; row < 10; row++)
            spill.Add(row, Values(row));

        Assert.Equal(Values(3), Read(spill, 3));
        Assert.Null(Read(spill, 5));
        Assert.Null(Read(spill, 9));
    }

    [Fact]
    public void A_group_is_read_only_where_all_wanted_rows_are_there()
    {
        using var spill = SpillFile.TryCreate(_folder.Path, 3)!;
        spill.Add(0, Values(0));
        spill.Add(2, Values(2));
        using var target = zeros([2, Length]);

        Assert.True(spill.TryRead(0, [new RowPlace(target, 1), default, new RowPlace(target, 0)]));
        Assert.Equal([.. Values(2), .. Values(0)], target.data<float>().ToArray());
        Assert.False(spill.TryRead(0, [new RowPlace(target, 0), new RowPlace(target, 1), default]));
    }

    [Fact]
    public void A_folder_that_takes_no_file_gives_none() => Assert.Null(SpillFile.TryCreate(_folder.File("absent"), 3));

    [Fact]
    public void A_disk_that_somebody_else_fills_gets_its_room_back()
    {
        var disk = Directory.CreateDirectory(_folder.File("disk")).FullName;
        Assert.SkipUnless(Ran("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk), "Mounting a tmpfs needs root.");
        try
        {
            using var spill = SpillFile.TryCreate(disk, 40)!;
            for (var row = 0; row < 10; row++)
                spill.Add(row, Values(row));
            var other = Path.Combine(disk, "other");
            Assert.Throws<IOException>(() => File.WriteAllBytes(other, new byte[2 << 20]));
            spill.Add(10, Values(10));

            Assert.Null(Read(spill, 10));
            Assert.Null(Read(spill, 2));
            File.WriteAllBytes(Path.Combine(disk, "checkpoint"), new byte[100 << 10]);
            spill.Add(11, Values(11));
            Assert.Null(Read(spill, 11));
        }
        finally
        {
            Ran("umount", "-l", disk);
        }
    }

    // No zeros: a row takes its floats and a little more.
    private static float[] Values(int row) => [.. Enumerable.Range(1, Length).Select(i => (row * 0.5f) + i)];

    private static float[]? Read(SpillFile spill, int row)
    {
        using var target = zeros([1, Length]);
        return spill.TryRead(row, [new RowPlace(target, 0)]) ? target.data<float>().ToArray() : null;
    }

    private static bool Ran(string program, params string[] arguments)
    {
        if (!OperatingSystem.IsLinux())
            return false;
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        process.WaitForExit();
        return process.ExitCode == 0;
    }
}
