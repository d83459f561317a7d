using System.Text.Json;
using Headstart.Safetensors;
using Headstart.Trainer.Heads;
using Headstart.Trainer.Training;

namespace Headstart.Trainer.Runs;

/// <summary>The folder of a run while it is being made: <c>metrics.jsonl</c> as it goes, weights and <c>run.json</c> at the end.</summary>
/// <remarks>
/// A finished run is never overwritten. <c>run.json</c> comes last, so that where it is everything is. Until the run is finished,
/// <c>resume.json</c> and
/// <see cref="CheckpointName"/> hold what it takes to go on; an interrupted run has both, and a <c>run.json</c> of what was reached.
/// </remarks>
internal sealed class RunFolder : IDisposable
{
    public const string RunName = "run.json";
    public const string HeadName = "head.safetensors";
    public const string BaseName = "base.safetensors";
    public const string MetricsName = "metrics.jsonl";
    public const string CheckpointName = "checkpoint.safetensors";
    private const string StartName = "resume.json";

    private readonly StreamWriter _metrics;
    private readonly bool _isNew;
    private TensorBoardLog? _events;
    private bool _hasContent;

    private RunFolder(string folder, StreamWriter metrics, bool isNew, bool hasContent)
    {
        Path = folder;
        _metrics = metrics;
        _isNew = isNew;
        _hasContent = hasContent;
    }

    public string Path { get; }

    public string CheckpointPath => At(Path, CheckpointName);

    /// <summary>The run in the folder, where it came to its end; null otherwise.</summary>
    /// <exception cref="CommandException">What is there can't be read.</exception>
    public static RunFile? Finished(string folder) =>
        File.Exists(At(folder, RunName)) && Read(folder) is { Result.Interrupted: false } run ? run : null;

    /// <summary>How an unfinished run was begun; null when there is none in the folder.</summary>
    /// <exception cref="CommandException">What is there can't be read.</exception>
    public static RunStart? Unfinished(string folder)
    {
        var path = At(folder, StartName);
        if (!File.Exists(path) || Finished(folder) is not null)
            return null;
        try
        {
            return JsonSerializer.Deserialize<RunStart>(File.ReadAllText(path), HeadstartJson.Compact)
                ?? throw new JsonException("the file holds null");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new CommandException(
                $"{path} can't be read: {e.Message} Delete {folder} and train again, or use the version of Headstart that began it.",
                cause: e);
        }
    }

    /// <summary>Makes the folder, before anything costly is begun; or takes up that of an unfinished run.</summary>
    /// <param name="folder">Of the run.</param>
    /// <param name="resume">Whether an unfinished run may be there.</param>
    /// <exception cref="CommandException">There is a run already, or the folder can't be written.</exception>
    public static RunFolder Create(string folder, bool resume)
    {
        var isUnfinished = Unfinished(folder) is not null;
        var isWorthKeeping = isUnfinished && (File.Exists(At(folder, CheckpointName)) || File.Exists(At(folder, RunName)));
        if (isWorthKeeping && !resume)
            throw new CommandException($"{folder} holds a run that is not finished, and stays as it is. Go on with it by --resume, " +
                "choose another --out, or delete that folder first.");
        if (!isUnfinished && (File.Exists(At(folder, RunName)) || File.Exists(At(folder, HeadName))))
            throw new CommandException(
                $"{folder} holds a run already, and stays as it is. Choose another --out, or delete that folder first.");
        try
        {
            var isNew = !Directory.Exists(folder);
            Directory.CreateDirectory(folder);
            var stream = new FileStream(At(folder, MetricsName), FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read);
            return new RunFolder(folder, new StreamWriter(stream) { AutoFlush = true }, isNew, isWorthKeeping);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"Can't write the run into {folder}: {e.Message} Choose another --out.", cause: e);
        }
    }

    /// <summary>Writes down how the run was begun; from now on it can be resumed.</summary>
    public void Begin(RunStart start)
    {
        AtomicFile.WriteText(At(Path, StartName), JsonSerializer.Serialize(start, HeadstartJson.Indented) + "\n");
    }

    /// <summary>
    /// Lets <c>metrics.jsonl</c> and the TensorBoard events hold these epochs: what a killed run wrote after its last checkpoint comes
    /// again.
    /// </summary>
    public void Continue(IEnumerable<EpochRecord> epochs)
    {
        _metrics.BaseStream.SetLength(0);
        _events = new TensorBoardLog(Path);
        foreach (var epoch in epochs)
            Append(epoch);
    }

    /// <summary>Adds a line to <c>metrics.jsonl</c>, and events for TensorBoard; they are on disk when this returns.</summary>
    public void Append(EpochRecord epoch)
    {
        _hasContent = true;
        _metrics.WriteLine(JsonSerializer.Serialize(epoch, HeadstartJson.Compact));
        _events?.Append(epoch);
    }

    /// <summary>
    /// Writes the weights, then <c>run.json</c>, each whole; an interrupted run can still be resumed then, a finished one has nothing left
    /// to resume.
    /// </summary>
    /// <param name="tuned">The weights of the base that were tuned, under the names of its initialisers; null where a head alone was
    /// trained.</param>
    /// <exception cref="CommandException">The disk is full, or the like.</exception>
    public void Finish(RunFile run, Head head, IReadOnlyList<NamedTensor>? tuned = null)
    {
        _hasContent = true;
        var metadata = new Dictionary<string, string>
        {
            ["head"] = run.Head,
            ["layer"] = run.Layer.Name,
            ["classes"] = string.Join(", ", run.Classes),
        };
        if (tuned is not null)
            SafetensorsFile.Write(At(Path, BaseName), tuned,
                new Dictionary<string, string> { ["model"] = run.Cache.Contract.Model, ["sha256"] = run.Cache.Contract.ModelSha256 });
        SafetensorsFile.Write(At(Path, HeadName), head.ToNamedTensors(), metadata);
        AtomicFile.WriteText(At(Path, RunName), JsonSerializer.Serialize(run, HeadstartJson.Indented) + "\n");
        if (run.Result.Interrupted)
            return;
        File.Delete(CheckpointPath);
        File.Delete(At(Path, StartName));
    }

    /// <summary>Reads the <c>run.json</c> of a finished run.</summary>
    /// <exception cref="CommandException">No run there, one of another version, or a damaged one.</exception>
    public static RunFile Read(string folder)
    {
        var path = At(folder, RunName);
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllText(path));
            if (document.RootElement.TryGetProperty("schema", out var schema) && schema.TryGetInt32(out var number)
                && number > RunFile.CurrentSchema)
                throw new CommandException($"{path} has schema {number}; this version of Headstart reads {RunFile.CurrentSchema}. Train " +
                    "again, or use the version that made it.");
            var run = document.Deserialize<RunFile>(HeadstartJson.Compact) ?? throw new JsonException("the file holds null");
            return run.Calibration is null or { Temperature: > 0 and < double.PositiveInfinity }
                ? run
                : throw new JsonException($"calibration.temperature is {run.Calibration.Temperature}, and must be above 0.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(
                $"No finished run in {folder}: {e.Message} Make one with 'trainer train CACHE --out {folder}'.", cause: e);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new CommandException($"{path} is damaged: {e.Message} Train again into another folder.", cause: e);
        }
    }

    /// <summary>The head of a finished run with its weights, ready to predict.</summary>
    /// <exception cref="CommandException">The weights are missing, damaged, or not this head's.</exception>
    public static Head LoadHead(string folder, RunFile run, TorchSharp.torch.Device device)
    {
        var path = At(folder, HeadName);
        var state = SafetensorsFile.Read(path);
        var head = new Head(HeadPlan.Create(HeadSpec.Parse(run.Head), run.Layer, run.Classes.Count), run.Options.Seed, device)
        {
            IsTraining = false,
        };
        try
        {
            head.Load(state, path);
            return head;
        }
        catch
        {
            head.Dispose();
            throw;
        }
    }

    /// <summary>Leaves nothing behind where nothing was kept.</summary>
    public void Dispose()
    {
        _metrics.Dispose();
        if (_hasContent)
            return;
        File.Delete(At(Path, MetricsName));
        File.Delete(At(Path, StartName));
        TensorBoardLog.Remove(Path);
        if (_isNew && !Directory.EnumerateFileSystemEntries(Path).Any())
            Directory.Delete(Path);
    }

    private static string At(string folder, string name) => System.IO.Path.Combine(folder, name);
}
