using Headstart.Images;
using Headstart.Models;
using Headstart.Preprocessing;
using Headstart.Trainer.Runtime;

namespace Headstart.Trainer.Export;

/// <summary>The bytes that are to be published, running.</summary>
/// <param name="bytes">A whole model file.</param>
/// <param name="path">Where it is to go, for messages.</param>
/// <param name="contract">What is in it.</param>
internal sealed class ExportedModel(byte[] bytes, string path, ModelContract contract) : IDisposable
{
    private const int FreeBatch = 4;

    private readonly OnnxRuntimeSession _session = new(bytes, path);
    private readonly ImagePreprocessor _preprocessor = new(contract.Preprocessing);

    public PredictionContract Decision { get; } = contract.Prediction!;

    /// <summary>How many pictures <see cref="Predict"/> takes at most.</summary>
    public int Batch { get; } = contract.FixedBatch ?? FreeBatch;

    /// <summary>The network's input for up to <see cref="Batch"/> pictures, filled up with zeros.</summary>
    public float[] Prepare(IReadOnlyList<RgbImage> pictures)
    {
        var input = new float[Batch * _preprocessor.Length];
        for (var i = 0; i < pictures.Count; i++)
            _preprocessor.Apply(pictures[i], input.AsSpan(i * _preprocessor.Length, _preprocessor.Length));
        return input;
    }

    /// <summary>What the model says of up to <see cref="Batch"/> pictures: probabilities, n x classes, and labels.</summary>
    /// <param name="prepared">From <see cref="Prepare"/>; not looked at where the model takes pixels.</param>
    public (float[] Probabilities, long[] Labels) Predict(IReadOnlyList<RgbImage> pictures, float[] prepared)
    {
        if (!Decision.RawInput)
        {
            var size = contract.Preprocessing.Size;
            var (all, labels) = _session.Run(prepared, [Batch, 3, size, size], PredictionContract.Probabilities, PredictionContract.Label);
            return (all[..(pictures.Count * Decision.Classes.Count)], labels[..pictures.Count]);
        }

        var each = pictures.Select(
            p => _session.Run(p.Pixels, [p.Height, p.Width, 3], PredictionContract.Probabilities, PredictionContract.Label)).ToList();
        return ([.. each.SelectMany(e => e.Floats)], [.. each.SelectMany(e => e.Whole)]);
    }

    public void Dispose() => _session.Dispose();
}
