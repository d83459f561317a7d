using static TorchSharp.torch;

namespace Headstart.Trainer.Training;

/// <summary>
/// Keeps the logits that an epoch's batches gave, in the order in which they came, so that figures are computed once, afterwards.
/// </summary>
internal sealed class LogitLog : IDisposable
{
    private readonly Tensor _logits;
    private int _rows;

    public LogitLog(int capacity, int outputs, Device device) =>
        _logits = empty([capacity, outputs], device: device).DetachFromDisposeScope();

    public void Add(Tensor batch)
    {
        using var noGradient = no_grad();
        var count = (int)batch.shape[0];
        using var place = _logits.narrow(0, _rows, count);
        place.copy_(batch).Dispose();
        _rows += count;
    }

    /// <summary>All logits since the last call, row after row; forgets them.</summary>
    public float[] Take()
    {
        using var scope = NewDisposeScope();
        var taken = _logits.narrow(0, 0, _rows).cpu().data<float>().ToArray();
        _rows = 0;
        return taken;
    }

    public void Dispose() => _logits.Dispose();
}
