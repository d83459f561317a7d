using Headstart.Trainer.Training;
using TorchSharp.Modules;

namespace Headstart.Trainer.FineTuning;

/// <summary>The weights that are tuned, divided by their learning rates: the head, and each unfrozen block of the base.</summary>
/// <remarks>
/// Each group has an optimizer of its own, so that a block which joins later begins with fresh moments and with step 1, as Adam's
/// correction wants it.
/// </remarks>
internal sealed class TuningGroups : IDisposable
{
    private readonly TuningOptions _options;
    private readonly IReadOnlyList<Group> _groups;
    private Regularization? _clipping;

    /// <param name="network">Its unfrozen weights are divided.</param>
    public TuningGroups(TunedNetwork network, TuningOptions options)
    {
        _options = options;
        _groups = [.. Divide(network, options)];
        Begin(1);
    }

    /// <summary>For <see cref="Checkpoint"/>: the head's first.</summary>
    public IReadOnlyList<GradientOptimizer> Optimizers => [.. _groups.Select(g => g.Optimizer)];

    /// <summary>How many steps were made; the head is there in each.</summary>
    public long Steps => _groups[0].Optimizer.Steps;

    /// <summary>What will be tuned: the head, then the deepest block.</summary>
    /// <param name="network">Its unfrozen weights are divided.</param>
    public static IReadOnlyList<TunedGroup> Describe(TunedNetwork network, TuningOptions options) =>
        [.. Divide(network, options).Select(
            g => new TunedGroup(g.Name, g.Parameters.Sum(p => p.numel()), g.FirstEpoch, g.Rate * options.Training.LearningRate))];

    /// <summary>Unfreezes the groups that are trained in this epoch, and freezes the others.</summary>
    /// <param name="epoch">From 1.</param>
    public void Begin(int epoch)
    {
        foreach (var group in _groups)
        {
            group.IsActive = group.FirstEpoch <= epoch;
            foreach (var parameter in group.Parameters)
                parameter.requires_grad = group.IsActive && group.Rate > 0;
        }

        _clipping = _options.Training.Clip is null
            ? null
            : new Regularization(Active.SelectMany(g => g.Parameters), new TrainingOptions { Clip = _options.Training.Clip });
    }

    public void ClearGradients()
    {
        foreach (var group in _groups)
            group.Optimizer.ClearGradients();
    }

    /// <summary>Moves every group that is trained, each at its own rate.</summary>
    /// <param name="learningRate">The deepest block's.</param>
    public void Step(double learningRate)
    {
        _clipping?.Apply(learningRate);
        foreach (var group in _groups.Where(g => g.IsActive && g.Rate == 0))
            group.Optimizer.Steps++;
        foreach (var group in Active)
        {
            group.Decay.Apply(learningRate * group.Rate);
            group.Optimizer.Step(learningRate * group.Rate);
        }
    }

    public void Dispose()
    {
        foreach (var group in _groups)
            group.Optimizer.Dispose();
    }

    private static IEnumerable<Group> Divide(TunedNetwork network, TuningOptions options)
    {
        yield return new Group("head", [.. network.Head.Parameters.Select(p => p.Value)], options.HeadRate, 1, options.Training);
        var depth = 0;
        foreach (var block in network.Base.Trained.GroupBy(p => p.Block).OrderByDescending(b => b.Key))
        {
            yield return new Group($"block {block.Key}", [.. block.Select(p => p.Value)], Math.Pow(options.DepthDecay, depth),
                1 + (depth * (options.Gradual ?? 0)), options.Training);
            depth++;
        }
    }

    private IEnumerable<Group> Active => _groups.Where(g => g.IsActive && g.Rate > 0);

    /// <param name="name">For people.</param>
    /// <param name="parameters">Its weights.</param>
    /// <param name="rate">Its learning rate as a multiple of the deepest block's.</param>
    /// <param name="firstEpoch">From when on it is trained; from 1.</param>
    private sealed class Group(string name, Parameter[] parameters, double rate, int firstEpoch, TrainingOptions options)
    {
        private GradientOptimizer? _optimizer;

        public string Name => name;

        public double Rate => rate;

        public int FirstEpoch => firstEpoch;

        public bool IsActive { get; set; }

        public IReadOnlyList<Parameter> Parameters { get; } = parameters;

        public Regularization Decay { get; } = new(parameters, options with { Clip = null });

        /// <summary>Made when it is first asked for, as it takes twice the memory of the weights.</summary>
        public GradientOptimizer Optimizer => _optimizer ??= GradientOptimizer.Create(options.Optimizer, Parameters);
    }
}
