using System.Text.Json;
using Headstart.CommandLine;
using Headstart.Training.Heads;

namespace Headstart.Training.Runs;

/// <summary>The folder of a run while it is being made: <c>metrics.jsonl</c> as it goes, weights and <c>run.json</c> at the end.</summary>
/// <remarks>A finished run is never overwritten. <c>run.json</c> comes last, so that where it is everything is.</remarks>
internal sealed class RunFolder : IDisposable
{
    public const string RunName = "run.json";
    public const string HeadName = "head.safetensors";
    public const string MetricsName = "metrics.jsonl";

    private readonly StreamWriter _metrics;
    private readonly bool _isNew;
    private bool _hasContent;

    private RunFolder(string folder, StreamWriter metrics, bool isNew)
    {
        Path = folder;
        _metrics = metrics;
        _isNew = isNew;
    }

    public string Path { get; }

    /// <summary>Makes the folder, before anything costly is begun.</summary>
    /// <exception cref="CommandException">There is a run already, or the folder can't be written.</exception>
    public static RunFolder Create(string folder)
    {
        if (File.Exists(System.IO.Path.Combine(folder, RunName)) || File.Exists(System.IO.Path.Combine(folder, HeadName)))
            throw new CommandException($"{folder} holds a run already, and stays as it is. Choose another --out, or delete that folder first.");
        try
        {
            var isNew = !Directory.Exists(folder);
            Directory.CreateDirectory(folder);
            var stream = new FileStream(System.IO.Path.Combine(folder, MetricsName), FileMode.Create, FileAccess.Write, FileShare.Read);
            return new RunFolder(folder, new StreamWriter(stream) { AutoFlush = true }, isNew);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"Can't write the run into {folder}: {e.Message} Choose another --out.", cause: e);
        }
    }

    /// <summary>Adds a line to <c>metrics.jsonl</c>; it is on disk when this returns.</summary>
    public void Append(EpochRecord epoch)
    {
        _hasContent = true;
        _metrics.WriteLine(JsonSerializer.Serialize(epoch, HeadstartJson.Compact));
    }

    /// <summary>Writes the weights, then <c>run.json</c>, each whole.</summary>
    /// <exception cref="CommandException">The disk is full, or the like.</exception>
    public void Finish(RunFile run, Head head)
    {
        _hasContent = true;
        var metadata = new Dictionary<string, string> { ["head"] = run.Head, ["layer"] = run.Layer.Name, ["classes"] = string.Join(", ", run.Classes) };
        SafetensorsFile.Write(System.IO.Path.Combine(Path, HeadName), head.ToNamedTensors(), metadata);
        AtomicFile.WriteText(System.IO.Path.Combine(Path, RunName), JsonSerializer.Serialize(run, HeadstartJson.Indented) + "\n");
    }

    /// <summary>Reads the <c>run.json</c> of a finished run.</summary>
    /// <exception cref="CommandException">No run there, one of another version, or a damaged one.</exception>
    public static RunFile Read(string folder)
    {
        var path = System.IO.Path.Combine(folder, RunName);
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllText(path));
            if (document.RootElement.TryGetProperty("schema", out var schema) && schema.TryGetInt32(out var number) && number != RunFile.CurrentSchema)
                throw new CommandException($"{path} has schema {number}; this version of Headstart reads {RunFile.CurrentSchema}. Train again, or use the version that made it.");
            return document.Deserialize<RunFile>(HeadstartJson.Compact) ?? throw new JsonException("the file holds null");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"No finished run in {folder}: {e.Message} Make one with 'trainer train CACHE --out {folder}'.", cause: e);
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
        var path = System.IO.Path.Combine(folder, HeadName);
        var state = SafetensorsFile.Read(path);
        var head = new Head(HeadPlan.Create(HeadSpec.Parse(run.Head), run.Layer, run.Classes.Count), run.Options.Seed, device) { IsTraining = false };
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
        File.Delete(System.IO.Path.Combine(Path, MetricsName));
        if (_isNew && !Directory.EnumerateFileSystemEntries(Path).Any())
            Directory.Delete(Path);
    }
}
