using System.Globalization;
using Headstart.Trainer.Evaluation;
using TorchSharp;

namespace Headstart.Trainer.FineTuning;

/// <summary>Holds the figures before the first step to those that the same weights had when they were saved: the rebuilt base and the
/// features that the head learnt from must say the same.</summary>
internal static class FirstEvaluation
{
    private const double MostImages = 0.002; // those that lie so near the boundary that rounding decides

    /// <param name="found">Of the rebuilt network.</param>
    /// <param name="saved">In the run's own words.</param>
    /// <param name="images">How many judge.</param>
    /// <param name="precisions">What was computed in, then and now.</param>
    /// <param name="where">Where <paramref name="saved"/> is written, for messages.</param>
    /// <exception cref="CommandException">They differ.</exception>
    public static void Require(
        Figures found, Figures saved, int images, IReadOnlyList<ComputePrecision> precisions, DeviceType device, string where)
    {
        var tolerance = precisions.Max(p => Tolerance(p, device));
        var isNear = Math.Abs(found.Loss - saved.Loss) <= tolerance * Math.Max(1, Math.Abs(saved.Loss))
            && Math.Abs(found.Accuracy - saved.Accuracy) * images <= Math.Max(1, Math.Max(MostImages, tolerance) * images) + 1e-6;
        if (!isNear)
        {
            throw new CommandException(string.Create(
                CultureInfo.InvariantCulture,
                $"Before the first step the validation loss is {found.Loss:0.0000} and the accuracy {found.Accuracy:0.0000}, but {where} " +
                    $"has ") +
                string.Create(CultureInfo.InvariantCulture, $"{saved.Loss:0.0000} and {saved.Accuracy:0.0000} for the same weights. ") +
                "Either the images that judge are others than those that it was trained with (then train the head again), or this " +
                "machine " +
                "computes the base wrongly (then set ONEDNN_MAX_CPU_ISA=AVX2 in the environment and try again). Nothing was tuned.");
        }
    }

    // Features that are off by 1e-5 of their length move a mean loss by less than 1e-4: ten times as much is allowed, for heads that are
    // very sure of themselves.
    private static double Tolerance(ComputePrecision precision, DeviceType device) =>
        precision == ComputePrecision.Bfloat16 ? 0.1 : device == DeviceType.CPU ? 1e-3 : 1e-2;
}
