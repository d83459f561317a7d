using System.Text.Json;
using System.Text.Json.Nodes;
using Headstart.Trainer.Runs;

namespace Headstart.Trainer.Sweeps;

/// <summary>What <c>resume.json</c> says while a sweep is not finished: how it was begun.</summary>
internal sealed record SweepStart(
    SweepRequest Arguments, JsonElement Space, DateTimeOffset Started, RunVersions Versions, int Threads, CacheState Cache,
    CacheState? ValidationCache = null);

/// <summary>The folder of a sweep: a line of <c>trials.jsonl</c> for each training that is done, the leaderboard at the end.</summary>
/// <remarks>A finished sweep is never overwritten. <c>sweep.json</c> comes last, so that where it is everything is.</remarks>
internal sealed class SweepFolder : IDisposable
{
    public const string ResultName = "sweep.json";
    public const string LeaderboardName = "leaderboard.csv";
    public const string DepthsName = "depth-and-rate.csv";
    private const string OutcomesName = "trials.jsonl";
    private const string StartName = "resume.json";
    private const string StateName = "state";

    private readonly string _path;
    private readonly FileStream _stream;
    private readonly Dictionary<RunKey, TrialOutcome> _outcomes = [];

    private SweepFolder(string path, FileStream stream)
    {
        (_path, _stream) = (path, stream);
        ReadOutcomes();
    }

    /// <summary>What is done.</summary>
    public IReadOnlyDictionary<RunKey, TrialOutcome> Outcomes => _outcomes;

    /// <summary>The result of a finished sweep; null where there is none.</summary>
    public static JsonObject? Finished(string folder)
    {
        var path = Path.Combine(folder, ResultName);
        try
        {
            return File.Exists(path) ? JsonNode.Parse(File.ReadAllText(path))!.AsObject() : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or InvalidOperationException)
        {
            throw new CommandException($"{path} can't be read: {e.Message} Delete {folder}, or choose another --out.", cause: e);
        }
    }

    /// <summary>How an unfinished sweep was begun; null where there is none.</summary>
    public static SweepStart? Unfinished(string folder)
    {
        var path = Path.Combine(folder, StartName);
        if (!File.Exists(path))
            return null;
        try
        {
            return JsonSerializer.Deserialize<SweepStart>(File.ReadAllText(path), HeadstartJson.Compact)
                ?? throw new JsonException("the file holds null");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new CommandException(
                $"{path} can't be read: {e.Message} Delete {folder} and sweep again, or use the version of Headstart that began it.",
                cause: e);
        }
    }

    /// <summary>Makes the folder, or takes up that of an unfinished sweep.</summary>
    /// <exception cref="CommandException">There is a sweep or a run already, another process writes here, or the folder can't be
    /// written.</exception>
    public static SweepFolder Create(string folder, bool resume)
    {
        if (File.Exists(Path.Combine(folder, ResultName)) || File.Exists(Path.Combine(folder, RunFolder.RunName)))
            throw new CommandException(
                $"{folder} holds a sweep or a run already, and stays as it is. Choose another --out, or delete that folder first.");
        SweepFolder? created = null;
        try
        {
            Directory.CreateDirectory(folder);
            created = new SweepFolder(
                folder, new FileStream(Path.Combine(folder, OutcomesName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read));
            if (resume || created.Outcomes.Count == 0)
                return created;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"Can't write the sweep into {folder}: {e.Message} Choose another --out.", cause: e);
        }

        created.Dispose();
        throw new CommandException($"{folder} holds a sweep that is not finished, and stays as it is. Go on with it by --resume, choose " +
            "another --out, or delete that folder first.");
    }

    /// <summary>Writes down how the sweep was begun. What an earlier one left that nobody went on with is forgotten.</summary>
    public void Begin(SweepStart start, bool isNew)
    {
        if (isNew)
        {
            _stream.SetLength(0);
            _outcomes.Clear();
            if (Directory.Exists(Path.Combine(_path, StateName)))
                Directory.Delete(Path.Combine(_path, StateName), recursive: true);
        }

        Directory.CreateDirectory(Path.Combine(_path, StateName));
        AtomicFile.WriteText(Path.Combine(_path, StartName), JsonSerializer.Serialize(start, HeadstartJson.Indented) + "\n");
    }

    /// <summary>Adds what is done; it survives a kill of the process when this returns.</summary>
    public void Append(IReadOnlyList<TrialOutcome> outcomes)
    {
        _stream.Write(
            [.. outcomes.SelectMany(o => (byte[])[.. JsonSerializer.SerializeToUtf8Bytes(o, HeadstartJson.Compact), (byte)'\n'])]);
        _stream.Flush();
        foreach (var outcome in outcomes)
            _outcomes[outcome.Key] = outcome;
    }

    /// <summary>The file with what it takes to go on with a training after a round.</summary>
    public string StatePath(RunKey key) => StatePath(key, $"round-{key.Rung + 1}");

    /// <summary>The file with the weights of a head from which others go on.</summary>
    public string HeadPath(RunKey key) => StatePath(key, "head");

    /// <summary>Writes the tables for programs that read CSV.</summary>
    /// <param name="depths">Where bases were tuned.</param>
    public void WriteTables(Leaderboard leaderboard, DepthTable? depths)
    {
        AtomicFile.WriteText(Path.Combine(_path, LeaderboardName), leaderboard.ToCsv());
        if (depths is not null)
            AtomicFile.WriteText(Path.Combine(_path, DepthsName), depths.ToCsv());
    }

    /// <summary>Writes the result whole; nothing is left to resume then.</summary>
    public void Finish(JsonObject result)
    {
        AtomicFile.WriteText(Path.Combine(_path, ResultName), result.ToJsonString(HeadstartJson.Indented) + "\n");
        File.Delete(Path.Combine(_path, StartName));
        Directory.Delete(Path.Combine(_path, StateName), recursive: true);
    }

    public void Dispose() => _stream.Dispose();

    private string StatePath(RunKey key, string what) =>
        Path.Combine(
            _path, StateName, $"trial-{key.Trial}-seed-{key.SeedOffset}{(key.Fold is { } fold ? $"-fold-{fold}" : "")}-{what}.safetensors");

    // A killed process may have written half a line: what comes next must not be glued to it.
    private void ReadOutcomes()
    {
        var bytes = new byte[_stream.Length];
        _stream.ReadExactly(bytes);
        var whole = bytes.AsSpan().LastIndexOf((byte)'\n') + 1;
        _stream.SetLength(whole);
        foreach (var range in bytes.AsSpan(0, whole).Split((byte)'\n'))
        {
            if (range.Start.Value == range.End.Value || range.Start.Value == whole)
                continue;
            try
            {
                var outcome = JsonSerializer.Deserialize<TrialOutcome>(bytes.AsSpan(range), HeadstartJson.Compact)!;
                _outcomes[outcome.Key] = outcome;
            }
            catch (JsonException e)
            {
                throw new CommandException(
                    $"{_stream.Name} is damaged: {e.Message} Delete it: the trainings in it are then made again.", cause: e);
            }
        }
    }
}
