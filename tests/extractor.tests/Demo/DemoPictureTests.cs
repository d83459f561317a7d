using System.Security.Cryptography;
using Headstart.Extraction.Demo;
using Headstart.Images;

namespace Headstart.Tests.Demo;

public sealed class DemoPictureTests
{
    [Fact]
    public void The_same_seed_draws_the_same_pixels_on_any_number_of_threads()
    {
        var options = new DemoSetOptions { Classes = 3, PerClass = 8, Seed = 7 };
        var alone = options.Items().Select(item => Fingerprint(DemoSet.Draw(options, item))).ToArray();
        var together = options.Items().Reverse().AsParallel().AsOrdered().WithDegreeOfParallelism(4)
            .Select(item => Fingerprint(DemoSet.Draw(options, item))).Reverse().ToArray();
        Assert.Equal(alone, together);
        Assert.Equal(alone.Length, alone.Distinct().Count());
    }

    [Fact]
    public void Another_seed_draws_other_pixels()
    {
        var item = new DemoItem(Class: 0, Index: 0, Split: "train");
        Assert.NotEqual(
            Fingerprint(DemoSet.Draw(new DemoSetOptions { Seed = 1 }, item)),
            Fingerprint(DemoSet.Draw(new DemoSetOptions { Seed = 2 }, item)));
    }

    [Fact]
    public void Sides_vary_within_their_bounds()
    {
        var pictures = DemoSample.Draw(classes: 1, perClass: 40, seed: 3);
        var sides = pictures.SelectMany(p => new[] { p.Image.Width, p.Image.Height }).ToArray();
        Assert.All(sides, side => Assert.InRange(side, DemoPicture.SmallestSide, DemoPicture.LargestSide));
        Assert.True(sides.Distinct().Count() > 20);
        Assert.All(pictures, p => Assert.Equal(p.Image.Width * p.Image.Height * 3, p.Image.Pixels.Length));
    }

    [Fact]
    public void Every_class_shows_a_figure_of_its_own()
    {
        // The figure covers between a twentieth and nine tenths of its disc, and no two classes cover the same points.
        var masks = DemoClass.All.Select(c => Mask(c.Figure(new DemoRandom(11)))).ToArray();
        Assert.True(masks.Length >= 12);
        Assert.All(masks, mask => Assert.InRange(mask.Count(inside => inside) / (double)mask.Length, 0.05, 0.9));
        for (var a = 0; a < masks.Length; a++)
        {
            for (var b = 0; b < a; b++)
                Assert.True(masks[a].Zip(masks[b]).Count(pair => pair.First != pair.Second) > 0.05 * masks[a].Length,
                    $"{DemoClass.All[a].Name} looks like {DemoClass.All[b].Name}");
        }
    }

    [Fact]
    public void Figures_stay_within_the_unit_disc()
    {
        foreach (var demoClass in DemoClass.All)
        {
            for (var seed = 0UL; seed < 20; seed++)
            {
                var figure = demoClass.Figure(new DemoRandom(seed));
                for (var degrees = 0; degrees < 360; degrees++)
                {
                    var (sine, cosine) = MathF.SinCos(degrees * MathF.PI / 180);
                    Assert.True(figure(new(1.02f * cosine, 1.02f * sine)) > 0,
                        $"{demoClass.Name} with seed {seed} leaves the disc at {degrees} degrees");
                }
            }
        }
    }

    private static bool[] Mask(SignedDistance figure) =>
    [
        .. from y in Enumerable.Range(-50, 101)
           from x in Enumerable.Range(-50, 101)
           where x * x + y * y <= 2500
           select figure(new(x / 50f, y / 50f)) < 0,
    ];

    private static string Fingerprint(RgbImage image) =>
        $"{image.Width}x{image.Height} {Convert.ToHexStringLower(SHA256.HashData(image.Pixels))}";
}
