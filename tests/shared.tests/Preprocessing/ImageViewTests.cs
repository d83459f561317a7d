using System.Security.Cryptography;
using System.Text;
using CsCheck;
using Headstart.Preprocessing;

namespace Headstart.Tests.Preprocessing;

public sealed class ImageViewTests
{
    private static readonly Augmentation Augmentation = new() { Seed = 3 };

    [Fact]
    public void A_view_depends_on_the_seed_the_image_and_its_number_and_on_nothing_else()
    {
        var view = ImageView.Draw(Augmentation, "aa", 1, 100, 80);
        ImageView.Draw(Augmentation, "bb", 2, 50, 50);

        Assert.Equivalent(view, ImageView.Draw(Augmentation with { }, "aa", 1, 100, 80), strict: true);
        Assert.NotEqual(Choices(view), Choices(ImageView.Draw(Augmentation, "aa", 2, 100, 80)));
        Assert.NotEqual(Choices(view), Choices(ImageView.Draw(Augmentation, "ab", 1, 100, 80)));
        Assert.NotEqual(Choices(view), Choices(ImageView.Draw(Augmentation with { Seed = 4 }, "aa", 1, 100, 80)));
    }

    [Fact]
    public void A_crop_lies_in_the_image_whatever_its_size() =>
        Gen.Select(Gen.OneOf(Gen.Int[1, 12], Gen.Int[1, 5000], Gen.Const(60_000)),
            Gen.OneOf(Gen.Int[1, 12], Gen.Int[1, 5000], Gen.Const(60_000)), Gen.Int[1, 100])
            .Sample((width, height, view) =>
            {
                var drawn = ImageView.Draw(Augmentation, "image", view, width, height);
                Assert.InRange(drawn.Left, 0, width - 1);
                Assert.InRange(drawn.Top, 0, height - 1);
                Assert.InRange(drawn.Width, 1, width - drawn.Left);
                Assert.InRange(drawn.Height, 1, height - drawn.Top);
            });

    [Fact]
    public void Half_of_the_views_are_mirrored_and_factors_and_orders_are_all_equally_likely()
    {
        var views = Enumerable.Range(1, 12_000).Select(v => ImageView.Draw(Augmentation, "image", v, 64, 64)).ToList();

        // 4 standard errors: 0.018 for a half, 0.014 for a sixth, and 0.0042 for the mean of a width of 0.4.
        Assert.InRange(views.Count(v => v.Flip) / 12_000.0, 0.482, 0.518);
        var orders = views.GroupBy(v => string.Join(",", v.Colours.Select(c => c.Change))).ToList();
        Assert.Equal(6, orders.Count);
        Assert.All(orders, o => Assert.InRange(o.Count() / 12_000.0, (1 / 6.0) - 0.014, (1 / 6.0) + 0.014));
        foreach (var change in Enum.GetValues<ColourChange>())
        {
            var factors = views.Select(v => v.Colours.Single(c => c.Change == change).Factor).ToList();
            Assert.InRange(factors.Min(), 0.8, 0.801);
            Assert.InRange(factors.Max(), 1.199, 1.2);
            Assert.InRange(factors.Average(), 0.9955, 1.0045);
        }
    }

    /// <summary>As docs/CACHE-FORMAT.md says it, for those who want to draw the same views in another language.</summary>
    [Fact]
    public void The_numbers_are_those_of_the_documented_hash()
    {
        var draws = new ViewDraws(-5, "ab12", 3);
        for (var n = 0; n < 3; n++)
        {
            var hash = SHA256.HashData(Encoding.ASCII.GetBytes($"-5/ab12/3/{n}"));
            var number = hash[..8].Aggregate(0UL, (value, b) => (value << 8) | b);
            Assert.Equal(Math.Floor(number / 2048.0) / Math.Pow(2, 53), draws.Next(), 1e-15);
        }
    }

    private static string Choices(ImageView view) =>
        $"{view.Left} {view.Top} {view.Width} {view.Height} {view.Flip} {string.Join(",", view.Colours)}";
}
