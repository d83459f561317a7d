using static TorchSharp.torch;

namespace Headstart.Trainer.Features;

/// <summary>Features of labelled images, to be learnt from in random order and judged by in their own.</summary>
internal abstract class FeatureSource : IDisposable
{
    /// <param name="labels">One class index an image.</param>
    protected FeatureSource(int[] labels) => Labels = labels;

    /// <summary>One class index an image.</summary>
    public int[] Labels { get; }

    /// <summary>The number of images.</summary>
    public int Count => Labels.Length;

    /// <summary>The shape of an image's features, [c] or [c, h, w].</summary>
    public abstract long[] RowShape { get; }

    /// <summary>Begins an epoch: one view of every image, in random order.</summary>
    /// <param name="seed">Decides the order and the views, with the epoch; nothing else does.</param>
    /// <param name="epoch">From 1.</param>
    /// <param name="cancellationToken">Ends waiting for features.</param>
    public abstract EpochImages Shuffled(long seed, int epoch, CancellationToken cancellationToken);

    /// <summary>The plain view of every image, in the order of <see cref="Labels"/>.</summary>
    /// <param name="batch">The most images at a time.</param>
    /// <param name="cancellationToken">Ends waiting for features.</param>
    /// <returns>Tensors [1..batch, ...] on the CPU, which the caller disposes before it takes the next.</returns>
    public abstract IEnumerable<Tensor> InOrder(int batch, CancellationToken cancellationToken);

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected abstract void Dispose(bool disposing);
}

/// <summary>The images of an epoch, handed out one after the other.</summary>
internal abstract class EpochImages : IDisposable
{
    /// <summary>Copies the features of the next images.</summary>
    /// <param name="destination">Row after row.</param>
    /// <param name="labels">Gets their class indices; its length says how many there are to be.</param>
    /// <exception cref="CommandException">A part of the cache can't be read, or is not what it was.</exception>
    /// <exception cref="OperationCanceledException">While it waited for features.</exception>
    public abstract void Next(Span<float> destination, Span<int> labels);

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
    }
}
