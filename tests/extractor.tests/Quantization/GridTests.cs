using Headstart.Extraction.Quantization;

namespace Headstart.Tests.Quantization;

public sealed class GridTests
{
    [Theory]
    [InlineData(-1, 3)]
    [InlineData(0, 6)]
    [InlineData(2, 5)]
    [InlineData(-4, -1)]
    public void A_grid_says_zero_exactly_and_covers_its_range(double low, double high)
    {
        var grid = Grid.Over(low, high);

        Assert.Equal(0, grid.Scale * (grid.ZeroPoint - grid.ZeroPoint));
        Assert.InRange(-grid.ZeroPoint * grid.Scale, Math.Min(low, 0) - grid.Scale, Math.Min(low, 0) + grid.Scale);
        Assert.InRange((255 - grid.ZeroPoint) * grid.Scale, Math.Max(high, 0) - grid.Scale, Math.Max(high, 0) + grid.Scale);
    }

    [Fact]
    public void The_error_of_a_grid_is_what_rounding_and_clipping_every_value_gives()
    {
        var random = new Random(3);
        var values = Enumerable.Range(0, 200_000).Select(_ => (float)Math.Max(0, -Math.Log(1 - random.NextDouble()) - 0.7)).ToArray();
        var distribution = Distribution(values);

        foreach (var (step, to) in new[] { (0.02, 5.1), (0.01, 2.55), (0.04, 10.2), (0.005, 1.275) })
        {
            var exact = values.Sum(v => Math.Pow(v - (Math.Clamp(Math.Round(v / step), 0, Math.Round(to / step)) * step), 2));
            Assert.InRange(distribution.SquaredError(step, 0, to), 0.95 * exact, 1.05 * exact);
        }
    }

    [Fact]
    public void A_range_with_a_lonely_peak_is_clipped_and_an_even_one_is_not()
    {
        var random = new Random(4);
        var even = Enumerable.Range(0, 100_000).Select(_ => random.NextSingle()).ToArray();
        float[][] peaked = [[3f], .. Enumerable.Repeat(even, 100)];

        Assert.InRange(RangeChoice.Choose([Distribution(even)], null, RangeRule.LeastError).Scale * 255, 0.97, 1.01);
        Assert.InRange(RangeChoice.Choose([Distribution(peaked)], null, RangeRule.LeastError).Scale * 255, 0.97, 1.1);
        Assert.Equal(3, RangeChoice.Choose([Distribution(peaked)], null, RangeRule.MinMax).Scale * 255, 0.001);
    }

    [Fact]
    public void Means_and_squares_are_those_of_the_values()
    {
        var histograms = new ChannelHistograms(1);
        histograms.AddRange(0, [1, 2, 3]);
        histograms.AddRange(0, [-6]);

        Assert.Equal(0, histograms.Means[0], 1e-9);
        Assert.Equal(12.5, histograms.MeanSquares[0], 1e-9);
        Assert.Equal((-6f, 3f, 4L), (histograms.Low(0), histograms.High(0), histograms.Count(0)));
    }

    [Fact]
    public void Balancing_gives_a_weak_channel_more_steps_and_a_depthwise_reader_takes_all_of_it()
    {
        var random = new Random(5);
        float[] Channel(float strength) => [.. Enumerable.Range(0, 20_000).Select(_ => random.NextSingle() * strength)];
        var channels = new[] { Distribution(Channel(100)), Distribution(Channel(1)) };
        var tensor = new BalancedTensor(channels, [3333, 0.333], IsLayer: false);
        var depthwise = new FloatConvolution([1, 1], [0, 0], Groups: 2, Inputs: 1);

        var factors = ChannelBalance.Choose([tensor], [(tensor, depthwise)], RangeRule.LeastError, 127);

        Assert.NotNull(factors);
        Assert.InRange(factors[1] / factors[0], 0.009f, 0.011f);
    }

    private static ChannelDistribution Distribution(params float[][] pictures)
    {
        var histograms = new ChannelHistograms(1);
        foreach (var values in pictures)
            histograms.AddRange(0, values);
        foreach (var values in pictures)
            histograms.AddValues(0, values);
        return histograms.Distribution(0);
    }
}
