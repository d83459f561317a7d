using System.Collections.Concurrent;
using Headstart.Images;
using Headstart.Preprocessing;
using Headstart.Trainer.Tensors;
using TorchSharp;
using static TorchSharp.torch;

namespace Headstart.Trainer.FineTuning;

/// <summary>An image file that is tuned on.</summary>
/// <param name="File">Where it is.</param>
/// <param name="Sha256">What the cache says of its bytes.</param>
internal sealed record TuningImage(string File, string Sha256);

/// <summary>
/// Pictures, decoded and prepared by worker threads while the batch before them is computed; exactly as extraction prepares them.
/// </summary>
internal sealed class ImageRows : TuningRows
{
    // One in the network and two that are decoded meanwhile.
    private const int BatchesInFlight = 3;

    private readonly IReadOnlyList<TuningImage> _images;
    private readonly ImagePreprocessing _preprocessing;
    private readonly Augmentation? _augmentation;
    private readonly Device _device;
    private readonly DecodingMemory _memory = new();
    private readonly ConcurrentBag<PictureReader> _readers = [];

    /// <param name="images">One an image, in the order of <paramref name="labels"/>.</param>
    /// <param name="labels">One class index an image.</param>
    /// <param name="preprocessing">The model's.</param>
    /// <param name="augmentation">From what the views are drawn, view n in epoch n; null for plain images in every epoch.</param>
    /// <param name="device">Where batches are wanted.</param>
    public ImageRows(
        IReadOnlyList<TuningImage> images, int[] labels, ImagePreprocessing preprocessing, Augmentation? augmentation, Device device)
        : base(labels)
    {
        _images = images;
        _preprocessing = preprocessing;
        _augmentation = augmentation;
        _device = device;
    }

    /// <inheritdoc/>
    /// <exception cref="CommandException">An image that is gone, damaged, or not the one that the cache knows.</exception>
    public override IEnumerable<Tensor> Batches(int[] order, IReadOnlyList<int> sizes, int epoch, CancellationToken cancellationToken)
    {
        var capacity = Math.Min(BatchesInFlight, sizes.Count);
        var buffers = Enumerable.Range(0, capacity)
            .Select(_ => empty([sizes.Max(), 3, _preprocessing.Size, _preprocessing.Size]).DetachFromDisposeScope()).ToArray();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var decoding = new Queue<Task>();
        var (started, first) = (0, 0);
        try
        {
            for (var batch = 0; batch < sizes.Count; batch++)
            {
                // The buffer of the batch before this one is free again.
                while (started < sizes.Count && started - batch < capacity)
                {
                    var (rows, buffer) = (order.AsMemory(first, sizes[started]), buffers[started % capacity]);
                    decoding.Enqueue(Task.Run(() => Decode(rows, buffer, epoch, stop.Token), CancellationToken.None));
                    first += sizes[started++];
                }

                try
                {
                    decoding.Dequeue().GetAwaiter().GetResult();
                }
                catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
                {
                    yield break; // Who cancelled stops before the next step.
                }

                using var filled = buffers[batch % capacity].narrow(0, 0, sizes[batch]);
                if (_device.type == DeviceType.CPU)
                {
                    yield return filled;
                    continue;
                }

                using var there = filled.to(_device);
                yield return there;
            }
        }
        finally
        {
            stop.Cancel();
            Task.WhenAll(decoding).ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default)
                .GetAwaiter().GetResult();
            foreach (var buffer in buffers)
                buffer.Dispose();
        }
    }

    private void Decode(ReadOnlyMemory<int> rows, Tensor buffer, int epoch, CancellationToken cancellationToken)
    {
        var parallel = new ParallelOptions { MaxDegreeOfParallelism = Environment.ProcessorCount, CancellationToken = cancellationToken };
        try
        {
            Parallel.For(0, rows.Length, parallel, slot =>
            {
                var reader = _readers.TryTake(out var free) ? free : new PictureReader(_preprocessing, _augmentation);
                Decode(_images[rows.Span[slot]], reader, epoch, new TensorMemory(buffer, slot, 1).GetSpan());
                _readers.Add(reader);
            });
        }
        catch (AggregateException e)
        {
            // Several may be bad; which of them is named must not depend on which was faster.
            throw e.InnerExceptions.OfType<CommandException>().MinBy(c => c.Message, StringComparer.Ordinal) ?? e.InnerExceptions[0];
        }
    }

    private void Decode(TuningImage image, PictureReader reader, int epoch, Span<float> chw)
    {
        using var share = _memory.Open();
        try
        {
            reader.Prepare(reader.Read(image.File, share, RequireSame), epoch, chw);
        }
        catch (ImageRejectedException e)
        {
            throw new CommandException(
                $"{image.File} can't be used: {e.Message}. The run's cache has it, so it was whole once: put it back.", cause: e);
        }

        void RequireSame(string sha256)
        {
            if (sha256 != image.Sha256)
            {
                throw new CommandException(
                    $"{image.File} is not the image that the run's cache knows " +
                    $"(sha256 {image.Sha256[..Math.Min(12, image.Sha256.Length)]}...): it was changed. " +
                    "Extract again and train the head again, or pass the pictures as they were.");
            }
        }
    }
}
