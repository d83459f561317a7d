using System.Runtime.ExceptionServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Headstart.Trainer.Sweeps;

/// <summary>Divides many heads among the cores: a stack for each, computed by threads of its own.</summary>
/// <remarks>
/// A step of small heads is many short computations, too short to be worth dividing one by one; whole stacks need no other's result until
/// they end.
/// </remarks>
internal static class StackParts
{
    /// <summary>With fewer heads than this, a stack costs about what it costs with none.</summary>
    private const int LeastHeads = 8;

    /// <param name="seeds">Of each head: those with one seed stay together where they can, since they share batches.</param>
    /// <param name="device">A GPU computes all heads in one stack.</param>
    /// <returns>The heads' indices, in parts that differ by one at most.</returns>
    public static IReadOnlyList<int[]> Of(IReadOnlyList<long> seeds, Device device)
    {
        var bySeed = Enumerable.Range(0, seeds.Count).GroupBy(i => seeds[i]).SelectMany(g => g).ToArray();
        var parts = device.type == DeviceType.CPU ? Math.Clamp(seeds.Count / LeastHeads, 1, get_num_threads()) : 1;
        return [.. Enumerable.Range(0, parts).Select(p => bySeed[(p * seeds.Count / parts)..((p + 1) * seeds.Count / parts)])];
    }

    /// <summary>Does the work of all parts at once, and returns when all are done.</summary>
    /// <param name="parts">A single one is done on the calling thread, with all its cores.</param>
    /// <param name="work">Given a part and its index.</param>
    public static void ForEach(IReadOnlyList<int[]> parts, Action<int[], int> work)
    {
        if (parts.Count == 1)
        {
            work(parts[0], 0);
            return;
        }

        var cores = get_num_threads();
        using var ready = new CountdownEvent(parts.Count);
        var failures = new ExceptionDispatchInfo?[parts.Count];
        var threads = parts.Select((part, i) => new Thread(() => Do(part, i)) { Name = $"heads {i + 1}" }).ToList();
        threads.ForEach(t => t.Start());

        // libtorch's setting is for the thread that makes it and for those that have none yet: the latter is put back at once.
        ready.Wait();
        set_num_threads(cores);
        threads.ForEach(t => t.Join());
        failures.FirstOrDefault(f => f is not null)?.Throw();

        void Do(int[] part, int i)
        {
            try
            {
                // A thread's first question gives it the setting of the process, which would replace one made before.
                _ = get_num_threads();
                set_num_threads(Math.Max(1, cores / parts.Count));
            }
            finally
            {
                ready.Signal();
            }

            try
            {
                work(part, i);
            }
            catch (Exception e)
            {
                failures[i] = ExceptionDispatchInfo.Capture(e);
            }
        }
    }
}
