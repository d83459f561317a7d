using System.Diagnostics;

namespace Headstart.Extraction.Pipeline;

/// <summary>How long each stage worked, in seconds. Decoding is summed over its workers, so it may exceed the run's time.</summary>
internal sealed class StageTimes
{
    private long _decode;
    private long _infer;
    private long _write;

    public double DecodeSeconds => Seconds(_decode);

    public double InferSeconds => Seconds(_infer);

    public double WriteSeconds => Seconds(_write);

    public void AddDecode(long start) => Interlocked.Add(ref _decode, Stopwatch.GetTimestamp() - start);

    public void AddInfer(long start) => Interlocked.Add(ref _infer, Stopwatch.GetTimestamp() - start);

    public void AddWrite(long start) => Interlocked.Add(ref _write, Stopwatch.GetTimestamp() - start);

    private static double Seconds(long ticks) => (double)ticks / Stopwatch.Frequency;
}
