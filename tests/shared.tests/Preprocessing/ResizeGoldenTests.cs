using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Headstart.Preprocessing;
using Headstart.Tests.Images;

namespace Headstart.Tests.Preprocessing;

/// <summary>What PIL, torchvision and torch make of the same noise: resize.golden.json, by make_resize_goldens.py.</summary>
public sealed class ResizeGoldenTests
{
    public sealed record Golden(
        int Width, int Height, ulong Seed, int Size, int? ShortSide, string Pil, string Normalised, int Step, float[] Bilinear)
    {
        public string Name => string.Create(
            CultureInfo.InvariantCulture, $"{Width}x{Height} to {ShortSide?.ToString(CultureInfo.InvariantCulture) ?? "stretched"}/{Size}");

        public ImagePreprocessing Antialiased => Presets.Torchvision with
        {
            Preset = "custom",
            Size = Size,
            ShortSide = ShortSide,
            Resize = ShortSide is null ? ResizeMode.Stretch : ResizeMode.ShortSide,
        };
    }

    private static readonly Golden[] Goldens = GoldenFile.Read<Golden[]>("resize.golden.json");

    public static TheoryData<string> Names => [.. Goldens.Select(g => g.Name)];

    /// <summary>No tolerance: every pixel after PIL's two passes and torchvision's crop.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void Antialiased_pixels_equal_PILs(string name)
    {
        var golden = Goldens.Single(g => g.Name == name);
        var chw = Apply(golden, golden.Antialiased with { DivideBy = 1, Mean = [0, 0, 0], Std = [1, 1, 1] });

        var plane = golden.Size * golden.Size;
        var rgb = new byte[3 * plane];
        for (var i = 0; i < rgb.Length; i++)
            rgb[i] = (byte)chw[(i % 3 * plane) + (i / 3)];
        Assert.All(chw, v => Assert.Equal(MathF.Round(v), v));
        Assert.Equal(golden.Pil, Convert.ToHexStringLower(SHA256.HashData(rgb)));
    }

    /// <summary>No tolerance: float32 division, subtraction and division in torchvision's order.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void Normalised_values_equal_torchvisions(string name)
    {
        var golden = Goldens.Single(g => g.Name == name);
        var chw = Apply(golden, golden.Antialiased);

        Assert.Equal(golden.Normalised, Convert.ToHexStringLower(SHA256.HashData(MemoryMarshal.AsBytes<float>(chw))));
    }

    /// <summary>Within a thousandth of a grey level of torch's, everywhere that the golden looks.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void Bilinear_values_equal_torchs(string name)
    {
        var golden = Goldens.Single(g => g.Name == name);
        var chw = Apply(golden, Presets.Mobilenet with { Preset = "custom", Size = golden.Size, DivideBy = 1, Mean = [0, 0, 0] });

        Assert.Equal((chw.Length + golden.Step - 1) / golden.Step, golden.Bilinear.Length);
        for (var i = 0; i < golden.Bilinear.Length; i++)
            Assert.Equal(golden.Bilinear[i], chw[i * golden.Step], 1e-3f);
    }

    private static float[] Apply(Golden golden, ImagePreprocessing preprocessing)
    {
        var preprocessor = new ImagePreprocessor(preprocessing);
        var chw = new float[preprocessor.Length];
        preprocessor.Apply(NoisePicture.Make(golden.Width, golden.Height, golden.Seed), chw);
        return chw;
    }
}
