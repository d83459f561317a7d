using System.Diagnostics;

namespace Headstart.Extraction.Pipeline;

/// <summary>How long each stage worked, in seconds. Decoding is summed over its workers, so it may exceed the run's time.</summary>
internal sealed class StageTimes
{
    private long decode;
    private long infer;
    private long write;

    public double DecodeSeconds => Seconds(decode);

    public double InferSeconds => Seconds(infer);

    public double WriteSeconds => Seconds(write);

    public void AddDecode(long start) => Interlocked.Add(ref decode, Stopwatch.GetTimestamp() - start);

    public void AddInfer(long start) => Interlocked.Add(ref infer, Stopwatch.GetTimestamp() - start);

    public void AddWrite(long start) => Interlocked.Add(ref write, Stopwatch.GetTimestamp() - start);

    private static double Seconds(long ticks) => (double)ticks / Stopwatch.Frequency;
}
