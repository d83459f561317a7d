using static TorchSharp.torch;

namespace Headstart.Trainer.FineTuning;

/// <summary>
/// Labelled images that a base is tuned or judged on, as what goes into its stretch: decoded pictures, or features from a cache.
/// </summary>
internal abstract class TuningRows : IDisposable
{
    /// <param name="labels">One class index an image.</param>
    protected TuningRows(int[] labels) => Labels = labels;

    /// <summary>One class index an image.</summary>
    public int[] Labels { get; }

    public int Count => Labels.Length;

    /// <summary>The input of one batch after the other.</summary>
    /// <param name="order">Image numbers, batch after batch.</param>
    /// <param name="sizes">Of the batches; together as many as <paramref name="order"/> has.</param>
    /// <param name="epoch">From 1: decides which views are seen, where views are asked for. 0 for plain images.</param>
    /// <returns>[size, ...]; each is valid until the next is asked for, and disposed then.</returns>
    public abstract IEnumerable<Tensor> Batches(int[] order, IReadOnlyList<int> sizes, int epoch, CancellationToken cancellationToken);

    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
    }
}
