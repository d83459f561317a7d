using Headstart.CommandLine;
using Headstart.Models;
using Headstart.Safetensors;
using Headstart.Training.Features;
using Headstart.Training.Heads;
using Headstart.Training.Runs;
using static TorchSharp.torch;

namespace Headstart.Training.FineTuning;

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
    public IReadOnlyList<NamedTensor> TunedTensors => [.. Base.Parameters.Where(p => _tuned.Contains(p.Name)).Select(p => p.Value.ToNamed(p.Name))];

    /// <summary>The network of a finished run of <c>trainer finetune</c>, ready to predict.</summary>
    /// <param name="runFolder">The run.</param>
    /// <param name="model">The base that it was tuned from.</param>
    /// <param name="after">The layer whose features will go in; null for images.</param>
    /// <param name="device">Where it computes.</param>
    /// <exception cref="CommandException">No tuned run there, another model, or a layer inside the tuned part.</exception>
    public static TunedNetwork Load(string runFolder, ModelFile model, string? after, Device device)
    {
        var run = RunFolder.Read(runFolder);
        if (run.Tuning is not { } tuning)
            throw new CommandException($"{runFolder} is a run of 'trainer train': its base was not tuned. Its head reads {run.Layer.Name} of the cache directly.");
        tuning.RequireModel(model, runFolder);
        var network = Load(runFolder, run, model, after, device, ComputePrecision.Float32);
        network.Head.IsTraining = false;
        return network;
    }

    /// <summary>The network of a run, tuned already or not, with all weights frozen.</summary>
    /// <exception cref="CommandException">As above.</exception>
    public static TunedNetwork Load(
        string runFolder, RunFile run, ModelFile model, string? after, Device device, ComputePrecision precision, ConvolutionKernels? kernels = null)
    {
        var tail = OnnxTail.FromModel(model, device, after, run.Layer.Name, precision, kernels);
        try
        {
            if (run.Tuning is not null)
            {
                var path = Path.Combine(runFolder, RunFolder.BaseName);
                var tuned = SafetensorsFile.Read(path);
                tail.Load([.. tuned.Values], path);
                var network = new TunedNetwork(tail, RunFolder.LoadHead(runFolder, run, device));
                network._tuned.UnionWith(tuned.Keys);
                return network;
            }

            return new TunedNetwork(tail, RunFolder.LoadHead(runFolder, run, device));
        }
        catch
        {
            tail.Dispose();
            throw;
        }
    }

    /// <summary>Lets everything that is computed from a tensor be tuned, and freezes the rest of the base.</summary>
    /// <param name="from">A tensor of the base; null for the image.</param>
    /// <exception cref="CommandException">There is nothing to tune after it.</exception>
    public void Unfreeze(string? from)
    {
        Base.Unfreeze(from);
        if (Base.Trained.Count == 0)
            throw new CommandException($"Nothing between {from ?? "the image"} and {Base.To} has weights to tune. Unfreeze from a tensor before it.");
        UnfrozenFrom = from;
        _tuned.UnionWith(Base.Trained.Select(p => p.Name));
    }

    /// <summary>Logits [n, outputs] from images or features, [n, c, h, w] (or [n, c] for a vector layer). The result is the caller's.</summary>
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
