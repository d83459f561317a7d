using System.Security.Cryptography;
using Headstart.Images;

namespace Headstart.Tests.Images;

/// <summary>
/// Files that PIL wrote and what PIL reads back from them: decoding.golden.json, by make_decoding_goldens.py. No tolerance.
/// </summary>
public sealed class DecodingGoldenTests
{
    public sealed record Answer(int Width, int Height, string Sha256);

    public sealed record Golden(string Name, string File, Answer AsStored, Answer? Upright);

    private static readonly Golden[] Goldens = GoldenFile.Read<Golden[]>("decoding.golden.json");

    /// <summary>The files by their names.</summary>
    internal static IEnumerable<(string Name, byte[] File)> Files => Goldens.Select(g => (g.Name, Convert.FromBase64String(g.File)));

    public static TheoryData<string> Names => [.. Goldens.Select(g => g.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Pixels_equal_PILs(string name)
    {
        var golden = Goldens.Single(g => g.Name == name);
        Assert.Equal(golden.AsStored, Decode(golden, ExifOrientation.Ignore));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Honoured_orientation_turns_the_picture_as_PILs_exif_transpose_does(string name)
    {
        var golden = Goldens.Single(g => g.Name == name);
        Assert.Equal(golden.Upright ?? golden.AsStored, Decode(golden, ExifOrientation.Honour));
    }

    private static Answer Decode(Golden golden, ExifOrientation exif)
    {
        var image = ImageDecoder.Decode(Convert.FromBase64String(golden.File), exif);
        Assert.Equal(image.Width * image.Height * 3, image.Pixels.Length);
        return new Answer(image.Width, image.Height, Convert.ToHexStringLower(SHA256.HashData(image.Pixels)));
    }
}
