using Headstart.Safetensors;
using Headstart.Trainer.Evaluation;
using Headstart.Trainer.Features;
using Headstart.Trainer.Heads;
using Headstart.Trainer.Reports;
using Headstart.Trainer.Training;

namespace Headstart.Trainer.Runs;

/// <summary>
/// One run on its way: begun or taken up again, written down epoch by epoch, and at last judged and finished. The same for a head, a tuned
/// base and the best run of a sweep; what they train, and on what, is theirs.
/// </summary>
internal sealed class RunSession : IDisposable
{
    private readonly RunFolder _folder;
    private readonly RunStart _origin;
    private readonly CachesState _caches;
    private readonly TimeProvider _time;
    private readonly long _start;

    /// <summary>Makes the run's folder, or takes up that of an unfinished run.</summary>
    /// <param name="output">The folder.</param>
    /// <param name="begun">How the run was begun; null for a new one.</param>
    /// <param name="fresh">How a new one begins.</param>
    /// <param name="caches">As they were before anything was read from them.</param>
    /// <param name="start">When the work on it began, on the clock of <paramref name="time"/>.</param>
    /// <exception cref="CommandException">A run that may not be gone on with, or a folder that can't be written.</exception>
    public RunSession(string output, RunStart? begun, RunStart fresh, CachesState caches, RunControl control, TimeProvider time, long start)
    {
        (Begun, Control, _origin, _caches, _time, _start) = (begun, control, begun ?? fresh, caches, time, start);
        _folder = RunFolder.Create(output, control.Resume);
        try
        {
            Checkpoint = new Checkpoint(_folder.CheckpointPath, control.CheckpointInterval, time);
            _folder.Continue(Checkpoint.Epochs);
            _folder.Begin(_origin);
        }
        catch
        {
            _folder.Dispose();
            throw;
        }
    }

    public RunControl Control { get; }

    /// <summary>How the run was begun that goes on; null for a new one.</summary>
    public RunStart? Begun { get; }

    /// <summary>Where to go on from, and what to write now and then.</summary>
    public Checkpoint Checkpoint { get; }

    public string Folder => _folder.Path;

    public DateTimeOffset Started => _origin.Started;

    /// <summary>What reading features took, of all the time that the run took.</summary>
    public double LoadSeconds { get; private set; }

    /// <summary>To be told once the features are read.</summary>
    public void Loaded() => LoadSeconds = _time.GetElapsedTime(_start).TotalSeconds;

    /// <summary>Holds the caches to what the run was begun with.</summary>
    /// <exception cref="CommandException">One has changed.</exception>
    public void RequireUnchanged() => _origin.RequireSame(_caches.Now(), Folder);

    /// <summary>Writes an epoch down.</summary>
    public void Append(EpochRecord epoch) => _folder.Append(epoch);

    /// <summary>Judges what was trained with a temperature and a threshold of its own, and writes the run.</summary>
    /// <param name="trained">What came of the training.</param>
    /// <param name="rule">Of the threshold.</param>
    /// <param name="describe">What <c>run.json</c> says, given what came of it.</param>
    /// <param name="pictures">The folder of the pictures, for the report; null where nobody says.</param>
    /// <param name="tuned">Gives the weights of the base that were tuned; null where a head alone was trained.</param>
    /// <exception cref="CommandException">No epoch was finished; the disk is full, or the like.</exception>
    public RunResult Finish(
        TrainedHead trained, ThresholdRule rule, Func<RunResult, RunFile> describe, string? pictures,
        Func<IReadOnlyList<NamedTensor>>? tuned = null)
    {
        var (head, training, data, trainImages, predict, labels, paths) = trained;
        if (training.Epochs.Count == 0)
            throw new CommandException("Interrupted before the first epoch was finished; nothing was kept.", ExitCode.Interrupted);
        var logits = predict();
        var calibration = Calibration.Fit(logits, labels, data.Classes.Count, rule);
        var judged = Judgement.Of(logits, labels, data.Classes, calibration);
        var seconds = _time.GetElapsedTime(_start).TotalSeconds;
        var file = describe(RunResult.Of(training, judged, calibration, data, trainImages, head, LoadSeconds, seconds));
        var images = new JudgedImages(paths, judged.Predictions, data.Classes);
        RunReport.Write(Folder, file, training.Epochs, images, judged.Report, new Thumbnails(pictures));
        _folder.Finish(file, head, tuned?.Invoke());
        return file.Result;
    }

    public void Dispose() => _folder.Dispose();
}

/// <summary>A head after its training, alone or on a tuned base.</summary>
/// <param name="Head">With the weights that are kept.</param>
/// <param name="Training">How it went.</param>
/// <param name="Data">What it was trained on.</param>
/// <param name="TrainImages">How many images an epoch saw.</param>
/// <param name="Predict">Gives the logits of the rows that validate, row after row.</param>
/// <param name="Labels">A class index a row.</param>
/// <param name="Paths">Of the same images.</param>
internal sealed record TrainedHead(
    Head Head, TrainingResult Training, TrainingData Data, int TrainImages, Func<float[]> Predict, int[] Labels,
    IReadOnlyList<string> Paths);
