using System.Text.Json;
using Headstart.Safetensors;
using Headstart.Trainer.Tensors;

namespace Headstart.Trainer.Training;

/// <summary>
/// A file that holds where a training stands after an epoch: with it, the options and the features, the rest follows bit for bit.
/// </summary>
/// <remarks>
/// One safetensors file, replaced whole: the weights that are trained, the optimizers' state and the weights that are kept; the epochs so
/// far and the random state of dropout are JSON in its metadata. What else a training depends on (order, learning rate, best epoch) is a
/// function of these.
/// </remarks>
internal sealed class Checkpoint
{
    private const string ProgressKey = "progress";

    private readonly string _path;
    private readonly TimeSpan _interval;
    private readonly TimeProvider _time;
    private readonly Progress _progress = new([], [], []);
    private IReadOnlyDictionary<string, NamedTensor>? _stored;
    private long _last;

    /// <param name="path">The file. Where there is one, it is read.</param>
    /// <param name="interval">How long after the last one the next is due. Zero: after every epoch.</param>
    /// <param name="time">Tells when.</param>
    /// <exception cref="CommandException">The file is damaged.</exception>
    public Checkpoint(string path, TimeSpan interval, TimeProvider time)
    {
        _path = path;
        _interval = interval;
        _time = time;
        _last = time.GetTimestamp();
        if (!File.Exists(path))
            return;
        _stored = SafetensorsFile.Read(path, out var metadata);
        _progress = ReadProgress(metadata);
    }

    /// <summary>How many finished epochs make a checkpoint due, whatever the time; null for none.</summary>
    public int? DueAfter { get; init; }

    /// <summary>Those that were finished when the file was written; none when there was no file.</summary>
    public IReadOnlyList<EpochRecord> Epochs => _progress.Epochs;

    /// <summary>Brings a training to where the file says it was; does nothing when there was no file.</summary>
    /// <exception cref="CommandException">It is another training's; nothing is changed.</exception>
    public void Restore(TrainingState state)
    {
        if (_stored is null)
            return;
        var own = state.Tensors;
        if (_stored.Count != own.Count || own.Any(o => !(_stored.TryGetValue(o.Name, out var s) && s.Shape.SequenceEqual(o.Value.shape)))
            || _progress.Steps.Count != state.Optimizers.Count || _progress.Dropouts.Count != state.Head.RandomState.Count)
        {
            throw Foreign();
        }

        foreach (var (name, value) in own)
            _stored[name].CopyTo(value);
        state.Head.RandomState = _progress.Dropouts;
        foreach (var (optimizer, steps) in state.Optimizers.Zip(_progress.Steps))
            optimizer.Steps = steps;
        _stored = null;
    }

    /// <summary>Writes the file, where it is time to. To be called between two epochs.</summary>
    /// <exception cref="CommandException">The disk is full, or the like; the file that was there stays.</exception>
    public void SaveIfDue(TrainingState state, IReadOnlyList<EpochRecord> epochs)
    {
        if (epochs.Count == DueAfter || _time.GetElapsedTime(_last) >= _interval)
            Save(state, epochs);
    }

    /// <summary>Writes the file.</summary>
    /// <exception cref="CommandException">The disk is full, or the like; the file that was there stays.</exception>
    public void Save(TrainingState state, IReadOnlyList<EpochRecord> epochs)
    {
        var progress = JsonSerializer.Serialize(
            new Progress(epochs, [.. state.Optimizers.Select(o => o.Steps)], state.Head.RandomState), HeadstartJson.Compact);
        SafetensorsFile.Write(
            _path,
            [.. state.Tensors.Select(s => s.Value.ToNamed(s.Name))],
            new Dictionary<string, string> { [ProgressKey] = progress });
        _last = _time.GetTimestamp();
    }

    private Progress ReadProgress(IReadOnlyDictionary<string, string> metadata)
    {
        try
        {
            return metadata.TryGetValue(ProgressKey, out var json)
                ? JsonSerializer.Deserialize<Progress>(json, HeadstartJson.Compact) ?? throw Foreign()
                : throw Foreign();
        }
        catch (JsonException e)
        {
            throw Foreign(e);
        }
    }

    private CommandException Foreign(Exception? cause = null) =>
        new($"{_path} is no checkpoint of this training, or is damaged. Delete it: the training then begins again.", cause: cause);

    private sealed record Progress(IReadOnlyList<EpochRecord> Epochs, IReadOnlyList<long> Steps, IReadOnlyList<byte[]> Dropouts);
}
