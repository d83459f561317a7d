using Headstart.Safetensors;
using static TorchSharp.torch;

namespace Headstart.Trainer.Tensors;

/// <summary>From libtorch's tensors to those of files, and back.</summary>
internal static class TorchTensor
{
    /// <summary>A copy of a tensor's values.</summary>
    public static NamedTensor ToNamed(this Tensor value, string name)
    {
        using var scope = NewDisposeScope();
        return new NamedTensor(name, value.shape, value.detach().cpu().contiguous().data<float>().ToArray());
    }

    /// <summary>Writes the values into a tensor of the same shape.</summary>
    public static void CopyTo(this NamedTensor named, Tensor target)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        target.copy_(tensor(named.Values, named.Shape));
    }
}
