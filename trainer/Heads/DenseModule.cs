using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Headstart.Trainer.Heads;

/// <summary>weight · x + bias, [n, inputs] to [n, units], as Keras starts a Dense layer: a Glorot-uniform kernel and zero biases.</summary>
internal sealed class DenseModule : Module<Tensor, Tensor>
{
    // Glorot and Bengio 2010: uniform in ±sqrt(6 / (inputs + outputs)).
    public DenseModule(string name, int inputs, int units, ulong seed)
        : base(name)
    {
        using var noGradient = no_grad();
        using var generator = new Generator(seed);
        var limit = Math.Sqrt(6.0 / ((double)inputs + units));
        register_parameter("weight", new Parameter(empty(units, inputs).uniform_(-limit, limit, generator)));
        register_parameter("bias", new Parameter(zeros(units)));
    }

    /// <summary>[units, inputs]. Another one once the module has moved to another device.</summary>
    public Parameter Weight => get_parameter("weight")!;

    /// <summary>[units]. Likewise.</summary>
    public Parameter Bias => get_parameter("bias")!;

    public override Tensor forward(Tensor input) => functional.linear(input, Weight, Bias);
}
