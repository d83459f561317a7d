using static TorchSharp.torch;

namespace Headstart.Training.Heads;

/// <summary>A float32 tensor outside libtorch: for files.</summary>
/// <param name="Name">As in <see cref="Head.State"/>.</param>
/// <param name="Shape">Row-major.</param>
/// <param name="Values">As many as the shape says.</param>
internal sealed record NamedTensor(string Name, long[] Shape, float[] Values)
{
    /// <summary>A copy of a tensor's values.</summary>
    public static NamedTensor Of(string name, Tensor value)
    {
        using var scope = NewDisposeScope();
        return new NamedTensor(name, value.shape, value.detach().cpu().contiguous().data<float>().ToArray());
    }

    /// <summary>Writes the values into a tensor of the same shape.</summary>
    public void CopyTo(Tensor target)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        target.copy_(tensor(Values, Shape));
    }
}
