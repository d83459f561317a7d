using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Headstart.Trainer.Heads;

/// <summary>[n, c, h, w] to [n, c·h·w].</summary>
internal sealed class FlattenModule(string name) : Module<Tensor, Tensor>(name)
{
    public override Tensor forward(Tensor input) => input.flatten(1);
}

/// <summary>[n, c, h, w] to [n, c]. A vector, [n, c], is its own mean and maximum.</summary>
internal sealed class GlobalPoolModule(string name, bool maximum) : Module<Tensor, Tensor>(name)
{
    private static readonly long[] Plane = [2, 3];

    public override Tensor forward(Tensor input) => input.dim() == 2
        ? input.alias()
        : maximum ? input.amax(Plane) : input.mean(Plane);
}

/// <summary>[n, c, h, w] to [n, c, h/k, w/k]; to [n, c] where that leaves one value a channel.</summary>
internal sealed class AveragePoolModule(string name, int window) : Module<Tensor, Tensor>(name)
{
    public override Tensor forward(Tensor input)
    {
        if (input.dim() == 2)
            return input.alias();
        var pooled = functional.avg_pool2d(input, window);
        return pooled.shape is [_, _, 1, 1] ? pooled.flatten(1) : pooled;
    }
}

/// <summary>Divides each row of [n, c] by its Euclidean length.</summary>
internal sealed class L2NormModule(string name) : Module<Tensor, Tensor>(name)
{
    public override Tensor forward(Tensor input) => functional.normalize(input, p: 2, dim: 1);
}

/// <summary>Dropout whose chance is its own: libtorch's own draws from a generator that everything in the process shares.</summary>
internal sealed class SeededDropoutModule : Module<Tensor, Tensor>
{
    private readonly double _probability;
    private readonly Generator _generator;

    public SeededDropoutModule(string name, double probability, ulong seed, Device device)
        : base(name)
    {
        _probability = probability;
        _generator = new Generator(seed, device);
    }

    public byte[] RandomState
    {
        get
        {
            using var state = _generator.get_state();
            return state.data<byte>().ToArray();
        }

        set
        {
            using var state = tensor(value);
            _generator.set_state(state);
        }
    }

    public override Tensor forward(Tensor input)
    {
        if (!training || _probability == 0)
            return input.alias();
        var kept = empty_like(input).bernoulli_(1 - _probability, _generator);
        return input * kept.div_(1 - _probability);
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _generator.Dispose();
        base.Dispose(disposing);
    }
}
