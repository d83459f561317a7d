using Headstart.Models;
using Headstart.Safetensors;
using Headstart.Trainer.Evaluation;
using Headstart.Trainer.Features;
using Headstart.Trainer.FineTuning;
using Headstart.Trainer.Heads;
using Headstart.Trainer.Runs;
using Headstart.Trainer.Training;
using static TorchSharp.torch;

namespace Headstart.Trainer.Sweeps;

/// <summary>
/// The trials that tune a part of the base, each from its head as <see cref="SweepRun"/> left it, and all from one cached layer, which is
/// read once.
/// </summary>
/// <remarks>
/// A trial is what <c>trainer finetune --cache</c> makes of the head's run, to the last bit where the cache has no deeper layer that would
/// do for it alone.
/// </remarks>
internal sealed class TunedTrials
{
    private static readonly TimeSpan CheckpointInterval = TimeSpan.FromSeconds(10);

    private readonly IReadOnlyList<Trial> _trials;
    private readonly IReadOnlyList<Repeat> _repeats;
    private readonly Dictionary<Trial, Trial> _heads;
    private readonly Dictionary<Trial, UnfrozenPart> _parts;
    private readonly Dictionary<Trial, HeadPlan> _plans;
    private readonly FeatureForm _form;
    private readonly SweepData _data;
    private readonly SweepFolder _folder;
    private readonly Device _device;
    private readonly TimeProvider _time;
    private readonly Dictionary<RowSplit, RowSplit> _plainSplits = [];
    private readonly HashSet<string> _notes = new(StringComparer.Ordinal);
    private readonly ConvolutionKernels? _kernels;

    /// <param name="trials">All of the sweep, with the heads that are tuned from.</param>
    /// <param name="repeats">Of each trial.</param>
    /// <param name="model">The base.</param>
    /// <param name="kernels">Compute the base's convolutions; the usual ones when null.</param>
    /// <exception cref="CommandException">A model that didn't make the cache, a part that can't be tuned (the message names the trial), or
    /// no cached layer before it.</exception>
    public TunedTrials(
        IReadOnlyList<Trial> trials, IReadOnlyList<Repeat> repeats, ModelFile model, SweepData data, SweepFolder folder, Device device,
        TimeProvider time,
        ConvolutionKernels? kernels = null)
    {
        (_repeats, Model, _data, _folder, _device, _time, _kernels) = (repeats, model, data, folder, device, time, kernels);
        var cache = data.Data.Cache;
        RunTuning.RequireFloat32(model, cache.Contract, $"A head on {cache.Folder}");
        RunTuning.RequireModel(model, cache.Folder, cache.Contract.ModelSha256, cache.Contract.Model);
        _trials = [.. trials.Where(t => t.Tuning is not null)];
        var heads = trials.Where(t => t.Tuning is null).GroupBy(t => t.Arguments).ToDictionary(g => g.Key, g => g.First());
        _heads = _trials.ToDictionary(t => t, t => heads[t.Arguments]);
        _parts = _trials.ToDictionary(t => t, PartOf);
        Prefix = CachedPrefix.Find(cache, model, _parts.Values, takesImages: false);
        data.Data.ValidationCache?.Layer(Prefix.Name);
        _form = new FeatureForm(Prefix.Name, "");
        _plans = _trials.ToDictionary(
            t => t, t => HeadPlan.Create(HeadSpec.Parse(t.Arguments.Head), data.Layer(t.Arguments.Layer), data.Data.Classes.Count));
        Weights = CountWeights();
    }

    public int Count => _trials.Count;

    public ModelFile Model { get; }

    /// <summary>The cached layer from which all of them are computed.</summary>
    public ModelLayer Prefix { get; }

    /// <summary>How many weights of the base each trial tunes: that is how deep it goes.</summary>
    public IReadOnlyDictionary<Trial, long> Weights { get; }

    /// <summary>What the user should know of how the base was computed, one line each.</summary>
    public IReadOnlyCollection<string> Notes => _notes;

    /// <summary>Reads the features of the layer: of plain images alone, as no views are tuned on.</summary>
    /// <param name="splits">Of all repeats.</param>
    /// <exception cref="CommandException">More than fits into memory, or a part that can't be read.</exception>
    public async Task<SweepFeatures> LoadAsync(IReadOnlyList<RowSplit> splits, IProgress<int> progress, CancellationToken cancellationToken)
    {
        var plain = splits.Select(Plain).ToList();
        var rows = plain.SelectMany(s => s.Train.Concat(s.Validation)).Distinct().Count();

        // Several splits are gathered from the rows, one after the other.
        CachedPrefix.RequireMemory(plain.Count == 1 ? rows : 2L * rows, Prefix, _data.Data.Cache, takesImages: false);
        var plan = HeadPlan.Create(HeadSpec.Parse("flatten"), Prefix, _data.Data.Classes.Count);
        return await _data.LoadAsync(plain, new Dictionary<FeatureForm, HeadPlan> { [_form] = plan }, progress, cancellationToken);
    }

    /// <param name="features">From <see cref="LoadAsync"/>.</param>
    /// <param name="onTrial">Told of each trial when all its repeats are done.</param>
    /// <exception cref="OperationCanceledException">What was finished is in the folder.</exception>
    public IReadOnlyList<Standing> Run(SweepFeatures features, Action<Standing> onTrial, CancellationToken cancellationToken)
    {
        var standings = new Dictionary<Trial, Standing>();
        foreach (var bySplit in _trials.SelectMany(t => _repeats.Select(r => new TrialRun(t, r, 0)))
            .GroupBy(r => _data.Split(r.Arguments.Seed, r.Repeat.Fold)))
        {
            var missing = bySplit.Where(r => !_folder.Outcomes.ContainsKey(r.Key)).ToList();
            if (missing.Count > 0)
                RunSplit(missing, features, Plain(bySplit.Key), Tell, cancellationToken);
            Tell();
        }

        return [.. standings.Values];

        void Tell()
        {
            foreach (var trial in _trials.Where(
                t => !standings.ContainsKey(t) && _repeats.All(r => _folder.Outcomes.ContainsKey(new TrialRun(t, r, 0).Key))))
            {
                var outcomes = _repeats.Select(r => _folder.Outcomes[new TrialRun(trial, r, 0).Key]).ToList();
                onTrial(standings[trial] = new Standing(trial, outcomes, outcomes.Sum(o => o.Seconds)));
            }
        }
    }

    private void RunSplit(
        IReadOnlyList<TrialRun> runs, SweepFeatures features, RowSplit split, Action tell, CancellationToken cancellationToken)
    {
        var (train, validation) = features.Select(_form, Prefix.Shape, split);
        using var sets = new TuningSets(new CachedRows(train, seed: 0, _device), new CachedRows(validation, seed: 0, _device));
        foreach (var run in runs)
        {
            cancellationToken.ThrowIfCancellationRequested();
            _folder.Append([Tune(run, sets, cancellationToken)]);
            File.Delete(_folder.StatePath(run.Key));
            tell();
        }
    }

    private TrialOutcome Tune(TrialRun run, TuningSets sets, CancellationToken cancellationToken)
    {
        var start = _time.GetTimestamp();
        var head = _folder.Outcomes[(run with { Trial = _heads[run.Trial] }).Key];
        if (head.Error is not null)
            return Outcome(null, null, $"its head failed: {head.Error}");
        var options = run.Trial.Tuning!.ToOptions(run.Arguments.ToOptions());
        using var network = NetworkOf(run, options.Precision);

        // Outside of what may fail for one trial alone: a base that is computed wrongly is wrong for all of them.
        _notes.UnionWith(TailCheck.Run(network.Base, sets.Validation, cancellationToken));
        var before = TuningLoop.Evaluate(network, sets.Validation, options.Training.Batch, cancellationToken)
            ?? throw new OperationCanceledException(cancellationToken);
        FirstEvaluation.Require(
            before, head.Val!, sets.Validation.Count, [options.Precision], _device.type,
            $"trial {head.Trial}, the head that trial {run.Trial.Number} tunes,");
        try
        {
            var training = TuningLoop.Run(
                network, sets.Train, sets.Validation, _data.Data.Classes, options, _ => { }, _time,
                new Checkpoint(_folder.StatePath(run.Key), CheckpointInterval, _time),
                new EpochRecord(0, head.Train!, before, 0, 0), cancellationToken);
            if (training.Epochs.Count == 0 || training.Interrupted)
                throw new OperationCanceledException(cancellationToken);
            var logits = TuningLoop.Predict(network, sets.Validation, options.Training.Batch, CancellationToken.None)!;
            return Outcome(
                training, RightImages.Of(Predictions.FromLogits(logits, sets.Validation.Labels, _data.Data.Classes.Count)), null);
        }
        catch (CommandException e)
        {
            return Outcome(null, null, e.Message);
        }

        TrialOutcome Outcome(TrainingResult? training, string? right, string? error) =>
            TrialOutcome.Of(run, training, error, _time.GetElapsedTime(start).TotalSeconds, together: 1) with { Right = right };
    }

    private TunedNetwork NetworkOf(TrialRun run, ComputePrecision precision)
    {
        var path = _folder.HeadPath((run with { Trial = _heads[run.Trial] }).Key);
        var head = new Head(_plans[run.Trial], run.Arguments.Seed, _device);
        try
        {
            head.Load(SafetensorsFile.Read(path), path);
            var network =
                new TunedNetwork(OnnxTail.FromModel(Model, _device, Prefix.Name, _parts[run.Trial].To, precision, _kernels), head);
            network.Unfreeze(_parts[run.Trial].From);
            return network;
        }
        catch
        {
            head.Dispose();
            throw;
        }
    }

    private RowSplit Plain(RowSplit split)
    {
        if (_plainSplits.TryGetValue(split, out var known))
            return known;
        var rows = _data.Data.Cache.Rows;
        return _plainSplits[split] = split with { Train = [.. split.Train.Where(r => rows[r].View == 0)] };
    }

    private UnfrozenPart PartOf(Trial trial)
    {
        try
        {
            trial.Tuning!.Precision.RequireFast(_device);
            var layers = _data.Data.Cache.Contract.Layers.Select(l => l.Name).ToList();
            return UnfrozenPart.Of(
                Model, _data.Layer(trial.Arguments.Layer).Name, trial.Tuning.Unfreeze, trial.Tuning.UnfreezeFrom, layers);
        }
        catch (CommandException e)
        {
            throw new CommandException($"trial {trial.Number} ({TrialDraw.Describe(trial.Chosen)}): {e.Message}", e.ExitCode);
        }
    }

    // An operator that can't be tuned is found here too, before the first head is trained.
    private Dictionary<Trial, long> CountWeights()
    {
        var weights = new Dictionary<Trial, long>();
        foreach (var byLayer in _trials.GroupBy(t => _parts[t].To))
        {
            using var tail = OnnxTail.FromModel(Model, CPU, Prefix.Name, byLayer.Key);
            foreach (var trial in byLayer)
            {
                tail.Unfreeze(_parts[trial].From);
                weights[trial] = tail.Trained.Sum(p => p.Value.numel());
                if (weights[trial] == 0)
                    throw new CommandException($"trial {trial.Number} ({TrialDraw.Describe(trial.Chosen)}): nothing after " +
                        $"{_parts[trial].From} has weights to tune.");
            }
        }

        return weights;
    }
}
