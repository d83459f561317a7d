namespace Headstart.Tests.Images;

/// <summary>
/// Every golden file cut and flipped, beside PIL on this machine: whatever both read has the same pixels. Extra: skipped without PIL.
/// </summary>
public sealed class DamagedBesidePilTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_is_read_in_spite_of_damage_has_PILs_pixels_and_what_PIL_rejects_is_rejected_except_as_stated()
    {
        var files = DecodingGoldenTests.Files.SelectMany(g => Damaged(g.File).Select(d => (Name: $"{g.Name}, {d.What}", d.File))).ToList();
        var paths = files.Select((f, i) => _folder.Write($"{i}.bin", f.File)).ToArray();
        var theirs = PilPixels.Read(paths);

        var differences = files.Zip(theirs, (f, theirs) => (f.Name, Theirs: theirs, Ours: PilPixels.OfOurs(f.File)))
            .Where(f => f.Theirs != f.Ours).ToList();

        Assert.DoesNotContain(differences, f => f.Theirs != PilPixels.Rejected && f.Ours != PilPixels.Rejected);
        Assert.All(differences.Where(f => f.Theirs == PilPixels.Rejected), f => Assert.True(IsStated(f.Name), f.Name));

        // docs/PARITY.md says where more is rejected than by PIL.
        Assert.InRange(differences.Count, 0, files.Count / 20);
    }

    /// <summary>A PNG's profile and EXIF, a TIFF's tags and the size of a BMP's palette field are no part of the picture here.</summary>
    private static bool IsStated(string name) =>
        name.StartsWith("png with a colour profile", StringComparison.Ordinal) ||
            name.StartsWith("png orientation", StringComparison.Ordinal) ||
        name.StartsWith("tiff", StringComparison.Ordinal) || name.StartsWith("bmp", StringComparison.Ordinal);

    private static IEnumerable<(string What, byte[] File)> Damaged(byte[] file)
    {
        for (var tenth = 0; tenth < 10; tenth++)
            yield return ($"cut at {tenth} tenths", file[..(file.Length * tenth / 10)]);
        for (var last = 1; last <= 20; last++)
            yield return ($"cut by {last}", file[..^last]);
        for (var at = 0; at < Math.Min(96, file.Length); at++)
        {
            var flipped = file.ToArray();
            flipped[at] ^= 0xFF;
            yield return ($"byte {at} flipped", flipped);
        }
    }
}
