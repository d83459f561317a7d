using Headstart.Safetensors;
using Headstart.Trainer.Evaluation;
using Headstart.Trainer.Features;
using Headstart.Trainer.Heads;
using Headstart.Trainer.Training;
using static TorchSharp.torch;

namespace Headstart.Trainer.Sweeps;

/// <summary>Trains every trial of a sweep, round by round. What the folder says is done is not done again.</summary>
internal sealed class SweepRun
{
    private static readonly TimeSpan CheckpointInterval = TimeSpan.FromSeconds(10);

    private readonly SweepSpace _space;
    private readonly IReadOnlyList<Trial> _trials;
    private readonly SweepData _data;
    private readonly SweepFolder _folder;
    private readonly bool _keepsHeads;
    private readonly Device _device;
    private readonly TimeProvider _time;
    private readonly Dictionary<Trial, (string Layer, HeadPlan Plan)> _plans;

    /// <param name="space">What is tried.</param>
    /// <param name="trials">Heads alone.</param>
    /// <param name="folds">How many; null for none.</param>
    /// <param name="keepsHeads">Whether bases are tuned from these heads: then each is trained alone, as <c>trainer train</c> does to the
    /// last bit, and its weights stay.</param>
    /// <exception cref="CommandException">A head that doesn't fit its layer, or classes that aren't there; the message names the
    /// trial.</exception>
    public SweepRun(
        SweepSpace space, IReadOnlyList<Trial> trials, int? folds, bool keepsHeads, SweepData data, SweepFolder folder, Device device,
        TimeProvider time)
    {
        (_space, _trials, _keepsHeads, _data, _folder, _device, _time) = (space, trials, keepsHeads, data, folder, device, time);
        Repeats = [.. from s in Enumerable.Range(0, space.Seeds) from f in folds is { } k
            ? Enumerable.Range(1, k).Select(f => (int?)f)
            : [null] select new Repeat(s, f)];
        Rungs = space.Search == SearchKind.Halving
            ? SuccessiveHalving.Rungs(trials.Count, trials[0].Arguments.Epochs, space.Eta)
            : [new Rung(trials.Count, null)];
        _plans = trials.ToDictionary(t => t, Fit);
    }

    public IReadOnlyList<Repeat> Repeats { get; }

    public IReadOnlyList<Rung> Rungs { get; }

    /// <summary>One head of each form of features, by the form.</summary>
    public IReadOnlyDictionary<FeatureForm, HeadPlan> Forms =>
        _plans.Values.GroupBy(p => FeatureForm.Of(p.Layer, p.Plan)).ToDictionary(g => g.Key, g => g.First().Plan);

    /// <summary>Every split that a repeat needs.</summary>
    public IEnumerable<RowSplit> Splits => _trials.SelectMany(t => Repeats.Select(r => SplitOf(new TrialRun(t, r, 0))));

    /// <param name="features">Of <see cref="Forms"/> and <see cref="Splits"/>.</param>
    /// <param name="onRound">Told when a round begins.</param>
    /// <param name="onTrial">Told of each trial when all its repeats are done in a round.</param>
    /// <returns>All trials, best first.</returns>
    /// <exception cref="OperationCanceledException">What was finished is in the folder.</exception>
    public IReadOnlyList<Standing> Run(
        SweepFeatures features, Action<int> onRound, Action<Standing> onTrial, CancellationToken cancellationToken)
    {
        var alive = _trials;
        var standings = new Dictionary<Trial, Standing>();
        for (var rung = 0; rung < Rungs.Count && alive.Count > 0; rung++)
        {
            onRound(rung);
            RunRound(alive, rung, features, standing => onTrial(standings[standing.Trial] = standing), cancellationToken);
            var ordered = Standing.Ordered(alive.Select(t => standings[t]), _space.Rank);
            if (rung + 1 < Rungs.Count)
                alive = [.. ordered.Where(s => s.Error is null).Take(Rungs[rung + 1].Trials).Select(s => s.Trial).OrderBy(t => t.Number)];
            if (rung > 0)
                DeleteStates(rung - 1);
        }

        return Standing.Ordered(standings.Values, _space.Rank);
    }

    private void RunRound(
        IReadOnlyList<Trial> alive, int rung, SweepFeatures features, Action<Standing> onTrial, CancellationToken cancellationToken)
    {
        var runs = alive.SelectMany(t => Repeats.Select(r => new TrialRun(t, r, rung))).ToList();
        var told = new HashSet<Trial>();
        foreach (var bySplit in runs.GroupBy(SplitOf))
        {
            foreach (var byForm in bySplit.GroupBy(r => FeatureForm.Of(_plans[r.Trial].Layer, _plans[r.Trial].Plan)))
            {
                // A group is one piece of work: of one that was only half written down nothing counts.
                var groups = _keepsHeads ? [.. byForm.Select(r => new[] { r })] : RunGroups.Of(byForm, r => _plans[r.Trial].Plan).ToList();
                var missing = groups.Where(g => !g.All(r => _folder.Outcomes.ContainsKey(r.Key))).ToList();
                if (missing.Count > 0)
                    RunGroupsOf(missing, features, byForm.Key, bySplit.Key, Tell, cancellationToken);
                Tell();
            }
        }

        void Tell()
        {
            foreach (var trial in alive.Where(
                t => !told.Contains(t) && Repeats.All(r => _folder.Outcomes.ContainsKey(new TrialRun(t, r, rung).Key))))
            {
                told.Add(trial);
                var seconds =
                    Enumerable.Range(0, rung + 1).Sum(g => Repeats.Sum(r => _folder.Outcomes[new TrialRun(trial, r, g).Key].Seconds));
                onTrial(new Standing(trial, [.. Repeats.Select(r => _folder.Outcomes[new TrialRun(trial, r, rung).Key])], seconds));
            }
        }
    }

    private void RunGroupsOf(
        IReadOnlyList<TrialRun[]> groups, SweepFeatures features, FeatureForm form, RowSplit split, Action tell,
        CancellationToken cancellationToken)
    {
        // Heads of one form may still see it in two shapes: as maps, and flattened.
        foreach (var byShape in groups.GroupBy(g => _plans[g[0].Trial].Plan.Stored))
        {
            var (train, validation) = features.Select(form, byShape.Key, split);
            using var _ = train;
            using var __ = validation;
            foreach (var group in byShape)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var start = _time.GetTimestamp();
                var results = Train(group, train, validation, cancellationToken);
                var seconds = _time.GetElapsedTime(start).TotalSeconds / group.Length;
                _folder.Append([.. group.Select((run, i) => TrialOutcome
                    .Of(run, results[i].Training, results[i].Failure, seconds, group.Length) with { Right = results[i].Right })]);
                tell();
            }
        }
    }

    private IReadOnlyList<StackResult> Train(TrialRun[] group, FeatureSet train, FeatureSet validation, CancellationToken cancellationToken)
    {
        var hasStates = group.All(r => r.Rung == 0 || File.Exists(_folder.StatePath(r.Key with { Rung = r.Rung - 1 })));
        return group.Length > 1 && hasStates
            ? Together(group, train, validation, cancellationToken)
            : [.. group.Select(r => Alone(r, train, validation, cancellationToken))];
    }

    private IReadOnlyList<StackResult> Together(
        TrialRun[] group, FeatureSet train, FeatureSet validation, CancellationToken cancellationToken)
    {
        var members = new List<StackMember>();
        try
        {
            foreach (var run in group)
            {
                var from = run.Rung == 0
                    ? null
                    : new Checkpoint(_folder.StatePath(run.Key with { Rung = run.Rung - 1 }), CheckpointInterval, _time);
                var to = run.Rung == Rungs.Count - 1 ? null : new Checkpoint(_folder.StatePath(run.Key), CheckpointInterval, _time);
                members.Add(new StackMember(NewHead(run), run.Arguments.ToOptions(), from, to));
            }

            return StackTraining.Run(members, train, validation, _data.Data.Classes, Until(group[0]), _time, cancellationToken)
                ?? throw new OperationCanceledException(cancellationToken);
        }
        finally
        {
            foreach (var member in members)
                member.Head.Dispose();
        }
    }

    private StackResult Alone(TrialRun run, FeatureSet train, FeatureSet validation, CancellationToken cancellationToken)
    {
        using var head = NewHead(run);
        var (until, path) = (Until(run), _folder.StatePath(run.Key));
        if (run.Rung > 0 && !File.Exists(path) && File.Exists(_folder.StatePath(run.Key with { Rung = run.Rung - 1 })))
        {
            File.Copy(_folder.StatePath(run.Key with { Rung = run.Rung - 1 }), path + AtomicFile.TemporarySuffix, overwrite: true);
            File.Move(path + AtomicFile.TemporarySuffix, path);
        }

        var checkpoint = new Checkpoint(path, CheckpointInterval, _time) { DueAfter = run.Rung == Rungs.Count - 1 ? null : until };
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        if (checkpoint.Epochs.Count >= until)
            stop.Cancel();
        try
        {
            var result = TrainingLoop.Run(
                head, train, validation, _data.Data.Classes, run.Arguments.ToOptions(), epoch => StopAfter(epoch.Epoch), _time, checkpoint,
                stop.Token);
            if (result.Kept is null || (result.Interrupted && result.Epochs.Count < until))
                throw new OperationCanceledException(cancellationToken);
            return new StackResult(result, null) { Right = _keepsHeads ? Keep(run, head, validation) : null };
        }
        catch (CommandException e)
        {
            return new StackResult(null, e.Message);
        }
        finally
        {
            if (run.Rung == Rungs.Count - 1 && !cancellationToken.IsCancellationRequested)
                File.Delete(path);
        }

        void StopAfter(int epoch)
        {
            if (epoch >= until)
                stop.Cancel();
        }
    }

    private string Keep(TrialRun run, Head head, FeatureSet validation)
    {
        SafetensorsFile.Write(
            _folder.HeadPath(run.Key), head.ToNamedTensors(), new Dictionary<string, string> { ["head"] = head.Plan.Spec.ToString() });
        return RightImages.Of(Predictions.FromLogits(TrainingLoop.Predict(head, validation), validation.Labels, head.Plan.Classes));
    }

    private int Until(TrialRun run) => Rungs[run.Rung].Epochs ?? run.Arguments.Epochs;

    private Head NewHead(TrialRun run) => new(_plans[run.Trial].Plan, run.Arguments.Seed, _device);

    private RowSplit SplitOf(TrialRun run) => _data.Split(run.Arguments.Seed, run.Repeat.Fold);

    private void DeleteStates(int rung)
    {
        foreach (var trial in _trials)
        {
            foreach (var repeat in Repeats)
                File.Delete(_folder.StatePath(new TrialRun(trial, repeat, rung).Key));
        }
    }

    private (string Layer, HeadPlan Plan) Fit(Trial trial)
    {
        try
        {
            var layer = _data.Layer(trial.Arguments.Layer);
            var plan = HeadPlan.Create(HeadSpec.Parse(trial.Arguments.Head), layer, _data.Data.Classes.Count);
            var options = trial.Arguments.ToOptions();
            ClassWeights.RequireKnown(options.ClassWeights, _data.Data.Classes);
            if (options.Optimizer == OptimizerChoice.Lbfgs)
                LinearSolution.RequireLinear(plan);
            return (layer.Name, plan);
        }
        catch (CommandException e)
        {
            throw new CommandException($"trial {trial.Number} ({TrialDraw.Describe(trial.Chosen)}): {e.Message}", e.ExitCode);
        }
    }
}
