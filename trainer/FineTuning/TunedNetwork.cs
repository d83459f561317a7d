using Headstart.Safetensors;
using Headstart.Trainer.Features;
using Headstart.Trainer.Heads;
using Headstart.Trainer.Tensors;
using Headstart.Trainer.Training;
using static TorchSharp.torch;

namespace Headstart.Trainer.FineTuning;

/// <summary>The part of a base that can be tuned, and the head behind it: images or a layer's features in, logits out.</summary>
/// <remarks>Not thread-safe.</remarks>
internal sealed class TunedNetwork : IDisposable
{
    private const int EvaluationBatch = 32;

    private readonly HashSet<string> _tuned = new(StringComparer.Ordinal);

    /// <param name="tail">Ends at the layer that the head reads. This network owns it from now on.</param>
    /// <param name="head">Likewise.</param>
    public TunedNetwork(OnnxTail tail, Head head)
    {
        Base = tail;
        Head = head;
    }

    public OnnxTail Base { get; }

    public Head Head { get; }

    /// <summary>The tensor after which the base is tuned; null for the image, or where nothing is.</summary>
    public string? UnfrozenFrom { get; private set; }

    /// <summary>The weights of the base that are not the model file's any more, or will not be: those that were ever unfrozen.</summary>
    public IReadOnlyList<NamedTensor> TunedTensors =>
        [.. Base.Parameters.Where(p => _tuned.Contains(p.Name)).Select(p => p.Value.ToNamed(p.Name))];

    /// <summary>Gives weights of the base the values that an earlier tuning left.</summary>
    /// <param name="weights">Under the names of the model's initialisers; they stay listed in <see cref="TunedTensors"/>.</param>
    /// <param name="path">Where they come from, for messages.</param>
    /// <exception cref="CommandException">One that the base doesn't have, or of another shape.</exception>
    public void Load(IReadOnlyList<NamedTensor> weights, string path)
    {
        Base.Load(weights, path);
        _tuned.UnionWith(weights.Select(w => w.Name));
    }

    /// <summary>Lets everything that is computed from a tensor be tuned, and freezes the rest of the base.</summary>
    /// <param name="from">A tensor of the base; null for the image.</param>
    /// <exception cref="CommandException">There is nothing to tune after it.</exception>
    public void Unfreeze(string? from)
    {
        Base.Unfreeze(from);
        if (Base.Trained.Count == 0)
            throw new CommandException(
                $"Nothing between {from ?? "the image"} and {Base.To} has weights to tune. Unfreeze from a tensor before it.");
        UnfrozenFrom = from;
        _tuned.UnionWith(Base.Trained.Select(p => p.Name));
    }

    /// <summary>
    /// Logits [n, outputs] from images or features, [n, c, h, w] (or [n, c] for a vector layer). The result is the caller's.
    /// </summary>
    public Tensor Forward(Tensor input)
    {
        using var features = Base.Forward(input);
        if (Head.Plan.Input is not { Height: 1, Width: 1 } || features.dim() == 2)
            return Head.Forward(features);
        using var vectors = features.flatten(1);
        return Head.Forward(vectors);
    }

    /// <summary>The logits of every row, row after row, without dropout.</summary>
    /// <param name="rows">Features of <see cref="OnnxTail.After"/> as they are in the cache.</param>
    public float[] Predict(FeatureSet rows)
    {
        Head.IsTraining = false;
        using var noGradient = no_grad();
        using var log = new LogitLog(rows.Count, Head.Plan.Outputs, Head.Device);
        for (var first = 0; first < rows.Count; first += EvaluationBatch)
        {
            using var step = NewDisposeScope();
            log.Add(Forward(rows.Features.narrow(0, first, Math.Min(EvaluationBatch, rows.Count - first)).to(Head.Device)));
        }

        return log.Take();
    }

    public void Dispose()
    {
        Base.Dispose();
        Head.Dispose();
    }
}
