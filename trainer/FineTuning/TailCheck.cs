using Google.Protobuf;
using Headstart.Trainer.Runtime;
using TorchSharp;
using static TorchSharp.torch;

namespace Headstart.Trainer.FineTuning;

/// <summary>Holds a rebuilt network to ONNX Runtime, which made the features, tensor by tensor on a few images, before anything is computed
/// with it that counts.</summary>
/// <remarks>
/// A convolution that is wrong is from then on computed in the plain way (<see cref="ConvolutionKernels.Plain"/>); so is one whose
/// gradients differ from that way's, which ONNX Runtime can't say anything of. Whatever else is wrong ends the command: numbers that are
/// off by a tenth still train, and nobody would notice.
/// </remarks>
internal static class TailCheck
{
    private const int Images = 2;

    /// <param name="tail">With its weights, unfrozen where it will be trained.</param>
    /// <param name="rows">What goes into it; the first images are taken.</param>
    /// <returns>What the user should know, one line each.</returns>
    /// <exception cref="CommandException">Something differs that there is no other way to compute; the message names the first
    /// tensor.</exception>
    public static IReadOnlyList<string> Run(OnnxTail tail, TuningRows rows, CancellationToken cancellationToken)
    {
        var count = tail.Model.Contract.FixedBatch ?? Math.Min(Images, rows.Count);
        foreach (var batch in rows.Batches([.. Enumerable.Range(0, count).Select(i => i % rows.Count)], [count], 0, cancellationToken))
            return Run(tail, batch);
        return []; // cancelled
    }

    /// <param name="input">[n, ...], at least as many as the model's fixed batch.</param>
    /// <inheritdoc cref="Run(OnnxTail, TuningRows, CancellationToken)"/>
    public static IReadOnlyList<string> Run(OnnxTail tail, Tensor input)
    {
        using var few = input.narrow(0, 0, tail.Model.Contract.FixedBatch ?? Math.Min(Images, input.shape[0]));
        var tolerance = Tolerance(tail.Precision, input.device_type);
        var reference = Reference(tail, few);
        var plain = new List<TailConvolution>();
        while (FirstDifference(tail, few, reference, tolerance) is { } difference)
        {
            if (difference.Convolution is not { IsPlain: false } convolution)
            {
                throw new CommandException(
                    $"{tail.Model.Path}: computed in libtorch, '{difference.Name}' ({difference.Operator}) differs from ONNX Runtime by " +
                    $"{difference.Distance:0.0e+0} of its length, and {tolerance} is allowed; everything before it agrees. So nothing " +
                    "was tuned or " +
                    "written. Set ONEDNN_MAX_CPU_ISA=AVX2 in the environment and try again, and please report it with the name of this " +
                    "processor.");
            }

            convolution.IsPlain = true;
            plain.Add(convolution);
        }

        return plain.Count == 0
            ? []
            : [$"libtorch's own way to compute {plain.Count} of the convolutions is wrong here, {plain[0].KernelName} ({plain[0].Shape}) " +
                "the first: " +
                "they are computed as plain matrix products, which is right and slower."];
    }

    /// <summary>How far a tensor may be off, relative to its length, everything before it included.</summary>
    /// <remarks>
    /// Float32 was never seen further off than 1e-5. GPUs multiply convolutions in TF32, with 10 bits of mantissa; bfloat16 has 8.
    /// </remarks>
    public static double Tolerance(ComputePrecision precision, DeviceType device) =>
        precision == ComputePrecision.Bfloat16 ? 5e-2 : device == DeviceType.CPU ? 1e-4 : 5e-3;

    private static IReadOnlyDictionary<string, float[]> Reference(OnnxTail tail, Tensor input)
    {
        using var session = new OnnxRuntimeSession(tail.ToGraph().ToByteArray(), tail.Model.Path);
        return session.RunAll(input.cpu().contiguous().data<float>().ToArray(), input.shape);
    }

    private static Difference? FirstDifference(
        OnnxTail tail, Tensor input, IReadOnlyDictionary<string, float[]> reference, double tolerance)
    {
        Difference? first = null;
        var known = new HashSet<string>(StringComparer.Ordinal);
        using var scope = NewDisposeScope();
        using var gradients = set_grad_enabled(tail.Trained.Count > 0);
        tail.Forward(input, step =>
        {
            if (first is not null)
                return;
            var distance = Distance(step, reference[step.Name], tolerance);
            if (distance <= tolerance && step is { Convolution: { } convolution, Output.requires_grad: true }
                && known.Add($"{convolution.Shape} {string.Join(',', step.Inputs[0].shape)}"))
            {
                using var one = step.Inputs[0].narrow(0, 0, 1);
                distance = convolution.GradientDistance(one);
            }

            if (!(distance <= tolerance))
                first = new Difference(step.Name, step.Node.OpType, distance, step.Convolution);
        });
        return first;
    }

    private static double Distance(TailStep step, float[] expected, double tolerance)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var reference = tensor(expected, step.Output.shape);
        var found = step.Output.detach().cpu();
        var distance = RelativeDistance.Of(found, reference);

        // What is left after large values were added or cut off may be small itself: there the values that went in are the measure.
        return distance <= tolerance
            ? distance
            : RelativeDistance.Of(
                found, reference, step.Inputs.Where(i => i.numel() == found.numel()).Select(Length).DefaultIfEmpty(0).Max());

        static double Length(Tensor tensor) => tensor.to(ScalarType.Float64).norm().item<double>();
    }

    private sealed record Difference(string Name, string Operator, double Distance, TailConvolution? Convolution);
}
