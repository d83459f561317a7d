using static TorchSharp.torch;

namespace Headstart.Training;

/// <summary>Keeps the logits that an epoch's batches gave, in the order in which they came, so that figures are computed once, afterwards.</summary>
internal sealed class LogitLog : IDisposable
{
    private readonly Tensor logits;
    private int rows;

    public LogitLog(int capacity, int outputs, Device device) =>
        logits = empty([capacity, outputs], device: device).DetachFromDisposeScope();

    public void Add(Tensor batch)
    {
        using var noGradient = no_grad();
        var count = (int)batch.shape[0];
        using var place = logits.narrow(0, rows, count);
        place.copy_(batch).Dispose();
        rows += count;
    }

    /// <summary>All logits since the last call, row after row; forgets them.</summary>
    public float[] Take()
    {
        using var scope = NewDisposeScope();
        var taken = logits.narrow(0, 0, rows).cpu().data<float>().ToArray();
        rows = 0;
        return taken;
    }

    public void Dispose() => logits.Dispose();
}
