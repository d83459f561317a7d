using System.Diagnostics;

namespace Headstart.Extraction.Runtime;

/// <summary>How long each stage of a run worked. Thread-safe.</summary>
internal sealed class StageTimes
{
    private readonly long[] _ticks = new long[Enum.GetValues<Stage>().Length];

    /// <summary>Seconds of work in a stage; summed over the workers where a stage has several.</summary>
    public double this[Stage stage] => (double)Interlocked.Read(ref _ticks[(int)stage]) / Stopwatch.Frequency;

    /// <summary>Adds the time since <paramref name="start"/> and returns now, where the next stage begins.</summary>
    public long Add(Stage stage, long start)
    {
        var now = Stopwatch.GetTimestamp();
        Interlocked.Add(ref _ticks[(int)stage], now - start);
        return now;
    }

    public void Add(Stage stage, TimeSpan time) => Interlocked.Add(ref _ticks[(int)stage], (long)(time.TotalSeconds * Stopwatch.Frequency));
}

internal enum Stage
{
    /// <summary>Reading, hashing and decoding image files, on the workers.</summary>
    Decode,

    /// <summary>Resizing and normalising, on the workers.</summary>
    Resize,

    /// <summary>The network has nothing to do, because no batch is filled yet.</summary>
    Wait,

    /// <summary>The network computes.</summary>
    Infer,

    /// <summary>Features are copied, compressed and written, beside everything else.</summary>
    Write,
}
