using System.Diagnostics;
using System.Runtime.ExceptionServices;
using System.Threading.Channels;
using Headstart.Extraction.Runtime;
using Headstart.Images;
using Headstart.Preprocessing;

namespace Headstart.Extraction.Pipeline;

/// <summary>Images in, features out, in order: decoding on several workers, the network, and the writer, all at once.</summary>
/// <remarks>
/// A few batches circulate: free, assigned to images, filled by the workers, inferred, written, free again. Their number bounds the memory,
/// and a slow stage holds the others back through it. The first fault, or a cancellation, stops every stage.
/// </remarks>
internal sealed class FeaturePipeline(BaseNetwork network, int batchSize, int workers, StageTimes times, Augmentation? augmentation)
{
    // One being decoded into, one ready, one in the network, one being written.
    private const int BatchesInFlight = 4;

    private readonly DecodingMemory _memory = new();

    /// <summary>Runs every row through the network.</summary>
    /// <param name="rows">Views of images, in the order in which their features are to be written. An image is decoded once for all its
    /// views that follow each other in a batch.</param>
    /// <param name="write">Called for one batch after the other; the batch is valid until the returned task ends.</param>
    /// <param name="cancellationToken">Stops all stages; the batch that is being written is finished.</param>
    public async Task RunAsync(IReadOnlyList<PlannedRow> rows, Func<FeatureBatch, Task> write, CancellationToken cancellationToken)
    {
        var batches = Enumerable.Range(0, BatchesInFlight).Select(_ => network.CreateBatch(batchSize)).ToList();
        try
        {
            using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            var flow = new Flow(workers, stop);
            foreach (var batch in batches)
                flow.Free.Writer.TryWrite(batch);

            List<Task> stages =
            [
                flow.StartAsync(() => AssignAsync(rows, flow)),
                .. Enumerable.Range(0, workers).Select(_ => flow.StartAsync(() => DecodeAsync(flow))),
                flow.StartAsync(() => InferAsync(flow)),
                flow.StartAsync(() => WriteAsync(write, flow)),
            ];
            await Task.WhenAll(stages).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (stages.FirstOrDefault(s => s.IsFaulted) is { Exception.InnerException: { } fault })
                ExceptionDispatchInfo.Throw(fault);
            cancellationToken.ThrowIfCancellationRequested();
        }
        finally
        {
            foreach (var batch in batches)
                batch.Dispose();
        }
    }

    private async Task AssignAsync(IReadOnlyList<PlannedRow> rows, Flow flow)
    {
        foreach (var chunk in rows.Chunk(batchSize))
        {
            var batch = await flow.Free.Reader.ReadAsync(flow.Stop);
            batch.Assign(chunk);
            await flow.Assigned.Writer.WriteAsync(batch, flow.Stop);
            for (int slot = 0, next; slot < chunk.Length; slot = next)
            {
                next = slot + 1;
                while (next < chunk.Length && chunk[next].Item == chunk[slot].Item)
                    next++;
                await flow.Undecoded.Writer.WriteAsync((batch, slot, next - slot), flow.Stop);
            }
        }

        flow.Assigned.Writer.Complete();
        flow.Undecoded.Writer.Complete();
    }

    private async Task DecodeAsync(Flow flow)
    {
        var loader = new ImageLoader(network.Model.Contract.Preprocessing, augmentation, _memory, times);
        await foreach (var (batch, first, count) in flow.Undecoded.Reader.ReadAllAsync(flow.Stop))
        {
            try
            {
                var image = loader.Load(batch, first, count);
                for (var slot = first; slot < first + count; slot++)
                    batch.Fill(slot, image);
            }
            catch (ImageRejectedException e)
            {
                for (var slot = first; slot < first + count; slot++)
                    batch.Reject(slot, e.Message);
            }
        }
    }

    private async Task InferAsync(Flow flow)
    {
        var start = Stopwatch.GetTimestamp();
        await foreach (var batch in flow.Assigned.Reader.ReadAllAsync(flow.Stop))
        {
            await batch.Filled.WaitAsync(flow.Stop);
            start = times.Add(Stage.Wait, start);
            network.Run(batch);
            start = times.Add(Stage.Infer, start);
            await flow.Inferred.Writer.WriteAsync(batch, flow.Stop);
        }

        flow.Inferred.Writer.Complete();
    }

    private static async Task WriteAsync(Func<FeatureBatch, Task> write, Flow flow)
    {
        await foreach (var batch in flow.Inferred.Reader.ReadAllAsync(flow.Stop))
        {
            await write(batch);
            await flow.Free.Writer.WriteAsync(batch, flow.Stop);
        }
    }

    /// <summary>The channels between the stages, and the token that stops them together.</summary>
    private sealed class Flow(int workers, CancellationTokenSource stop)
    {
        public Channel<FeatureBatch> Free { get; } = Channel.CreateBounded<FeatureBatch>(BatchesInFlight);

        public Channel<FeatureBatch> Assigned { get; } = Channel.CreateBounded<FeatureBatch>(BatchesInFlight);

        public Channel<FeatureBatch> Inferred { get; } = Channel.CreateBounded<FeatureBatch>(BatchesInFlight);

        /// <summary>Slots of one image each.</summary>
        public Channel<(FeatureBatch Batch, int First, int Count)> Undecoded { get; } =
            Channel.CreateBounded<(FeatureBatch Batch, int First, int Count)>(2 * workers);

        public CancellationToken Stop => stop.Token;

        public async Task StartAsync(Func<Task> stage)
        {
            try
            {
                await Task.Run(stage, Stop);
            }
            catch
            {
                await stop.CancelAsync();
                throw;
            }
        }
    }
}
