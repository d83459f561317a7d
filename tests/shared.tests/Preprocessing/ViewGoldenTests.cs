using Headstart.Preprocessing;
using Headstart.Tests.Images;

namespace Headstart.Tests.Preprocessing;

/// <summary>
/// What torchvision and PIL make of the same views, and how torchvision draws them: views.golden.json, by make_view_goldens.py.
/// </summary>
public sealed class ViewGoldenTests
{
    public sealed record Golden(
        int Width, int Height, ulong Seed, int Size, int[] Crop, bool Flip, IReadOnlyList<GoldenChange> Changes, int Step, float[] Bilinear,
        float[] Pil);

    public sealed record GoldenChange(string Change, float Factor);

    public sealed record CropLaw(int Width, int Height, double[] W, double[] H, double[] Area, double[] X, double[] Y);

    public sealed record GoldenContent(Golden[] Views, CropLaw[] Crops);

    private static readonly double[] Quantiles = [0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99];
    private static readonly GoldenContent Goldens = GoldenFile.Read<GoldenContent>("views.golden.json");

    public static TheoryData<int> Views => [.. Enumerable.Range(0, Goldens.Views.Length)];

    public static TheoryData<int> Crops => [.. Enumerable.Range(0, Goldens.Crops.Length)];

    /// <summary>Within a hundredth of a grey level of torchvision on float tensors.</summary>
    [Theory]
    [MemberData(nameof(Views))]
    public void A_view_with_given_parameters_equals_torchvisions(int index)
    {
        var golden = Goldens.Views[index];
        AssertEqual(golden.Bilinear, Apply(golden, ResizeFilter.Bilinear), golden.Step, 0.01f);
    }

    /// <summary>PIL cuts to whole grey levels after every change of colour; without one the pixels are PIL's.</summary>
    [Theory]
    [MemberData(nameof(Views))]
    public void A_view_with_the_antialiased_filter_is_within_a_grey_level_for_each_change_of_PILs(int index)
    {
        var golden = Goldens.Views[index];
        AssertEqual(golden.Pil, Apply(golden, ResizeFilter.BilinearAntialiased), golden.Step, golden.Changes.Count);
    }

    [Theory]
    [MemberData(nameof(Views))]
    public void Channels_in_the_other_order_change_the_order_alone(int index)
    {
        var golden = Goldens.Views[index];
        var rgb = Apply(golden, ResizeFilter.Bilinear);
        var bgr = Apply(golden, ResizeFilter.Bilinear, ChannelOrder.Bgr);

        var plane = rgb.Length / 3;
        Assert.Equal(rgb[..plane], bgr[(2 * plane)..]);
        Assert.Equal(rgb[plane..(2 * plane)], bgr[plane..(2 * plane)]);
    }

    /// <summary>
    /// Two samples of 20,000: 4 standard errors of the difference in probability are 0.02 at the median, and less elsewhere.
    /// </summary>
    [Theory]
    [MemberData(nameof(Crops))]
    public void Crops_are_spread_as_torchvisions(int index)
    {
        var law = Goldens.Crops[index];
        var augmentation = new Augmentation { Seed = 7 };
        var drawn = Enumerable.Range(1, 20000).Select(v => ImageView.Draw(augmentation, "image", v, law.Width, law.Height)).ToList();

        AssertQuantiles(law.W, drawn.Select(d => (double)d.Width / law.Width));
        AssertQuantiles(law.H, drawn.Select(d => (double)d.Height / law.Height));
        AssertQuantiles(law.Area, drawn.Select(d => (double)d.Width * d.Height / (law.Width * law.Height)));
        AssertQuantiles(law.X, drawn.Select(d => (d.Left + (d.Width / 2.0)) / law.Width));
        AssertQuantiles(law.Y, drawn.Select(d => (d.Top + (d.Height / 2.0)) / law.Height));
    }

    private static void AssertQuantiles(double[] expected, IEnumerable<double> drawn)
    {
        double[] sorted = [.. drawn.Order()];
        for (var i = 0; i < Quantiles.Length; i++)
        {
            // The golden value must lie between the sample's quantiles a little to the left and to the right.
            double At(double q) => sorted[(int)Math.Clamp(q * sorted.Length, 0, sorted.Length - 1)];
            Assert.InRange(expected[i], At(Quantiles[i] - 0.02) - 1e-4, At(Quantiles[i] + 0.02) + 1e-4);
        }
    }

    private static float[] Apply(Golden golden, ResizeFilter filter, ChannelOrder channels = ChannelOrder.Rgb)
    {
        var preprocessor = new ImagePreprocessor(Presets.Mobilenet with
        {
            Preset = "custom",
            Size = golden.Size,
            Filter = filter,
            Channels = channels,
            DivideBy = 1,
            Mean = [0, 0, 0],
        });
        var chw = new float[preprocessor.Length];
        var view = new ImageView(
            golden.Crop[0], golden.Crop[1], golden.Crop[2], golden.Crop[3], golden.Flip,
            [.. golden.Changes.Select(c => (Enum.Parse<ColourChange>(c.Change, ignoreCase: true), c.Factor))]);
        preprocessor.Apply(NoisePicture.Make(golden.Width, golden.Height, golden.Seed), view, chw);
        return chw;
    }

    private static void AssertEqual(float[] expected, float[] chw, int step, float tolerance)
    {
        Assert.Equal((chw.Length + step - 1) / step, expected.Length);
        for (var i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], chw[i * step], tolerance);
    }
}
