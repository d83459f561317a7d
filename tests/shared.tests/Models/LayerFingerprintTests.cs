using Headstart.Models;

namespace Headstart.Tests.Models;

public sealed class LayerFingerprintTests
{
    [Fact]
    public void It_holds_the_root_mean_square_and_the_means_of_the_parts()
    {
        // 0..31: parts of two values; rms = sqrt(31 * 32 * 63 / 6 / 32) = 18.0416...
        var fingerprint = LayerFingerprint.Of("x", [.. Enumerable.Range(0, 32).Select(i => (float)i)]);

        Assert.Equal(18.04, fingerprint.Rms);
        Assert.Equal(Enumerable.Range(0, 16).Select(i => (2 * i) + 0.5), fingerprint.Means);
    }

    [Fact]
    public void Differences_in_the_last_bits_give_the_same_fingerprint()
    {
        var values = OnnxSamples.Noise(1, 4096);
        var rounded = values.Select((v, i) => i % 2 == 0 ? MathF.BitIncrement(v) : MathF.BitDecrement(v)).ToArray();

        Assert.Equal(LayerFingerprint.Of("x", values).Means, LayerFingerprint.Of("x", rounded).Means);
    }

    [Fact]
    public void Other_values_deviate()
    {
        var recorded = LayerFingerprint.Of("x", OnnxSamples.Noise(1, 4096));
        var other = LayerFingerprint.Of("x", OnnxSamples.Noise(2, 4096));

        Assert.InRange(recorded.DeviationOf(other), 0.02, 1);
        Assert.Equal(0, recorded.DeviationOf(recorded));
    }

    [Fact]
    public void A_layer_that_was_all_zeros_must_stay_so()
    {
        var zeros = LayerFingerprint.Of("x", new float[64]);

        Assert.Equal(0, zeros.DeviationOf(zeros));
        Assert.Equal(double.PositiveInfinity, zeros.DeviationOf(LayerFingerprint.Of("x", OnnxSamples.Noise(1, 64))));
    }

    // From a second implementation, in Python with numpy (SplitMix64, whole numbers): the first row of the first channel, and the last of
    // the third.
    [Fact]
    public void The_synthetic_input_is_the_same_everywhere()
    {
        var input = SyntheticInput.Create(OnnxSamples.Plain, seed: 0);

        Assert.Equal([15, 24, 51, 46, 49, 88, 75, 90], input[..8]);
        Assert.Equal([107, 102, 137, 141, 148, 155, 167, 161], input[^8..]);
        Assert.Equal(18166, input.Sum());
        Assert.Equal([30, 21, 45, 30, 45, 71, 68, 92], SyntheticInput.Create(OnnxSamples.Plain, seed: 1)[..8]);
    }
}
