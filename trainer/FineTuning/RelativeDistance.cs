using static TorchSharp.torch;

namespace Headstart.Trainer.FineTuning;

/// <summary>How far apart two tensors of one shape are: the Euclidean length of their difference as a part of that of what is
/// expected.</summary>
internal static class RelativeDistance
{
    /// <param name="atLeast">What the length is taken for where it is shorter.</param>
    /// <returns>Infinity where a value is no number.</returns>
    public static double Of(Tensor found, Tensor expected, double atLeast = 0)
    {
        using var scope = NewDisposeScope();
        var exact = expected.to(ScalarType.Float64);
        return Of(found.to(ScalarType.Float64).sub(exact).norm().item<double>(), Math.Max(exact.norm().item<double>(), atLeast));
    }

    private static double Of(double difference, double length) =>
        difference == 0 ? 0 : double.IsFinite(difference / length) ? difference / length : double.PositiveInfinity;
}
