using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Headstart.Training.Heads;

/// <summary>weight · x + bias, [n, inputs] to [n, units], as Keras starts a Dense layer: a Glorot-uniform kernel and zero biases.</summary>
internal sealed class DenseModule : Module<Tensor, Tensor>
{
    private readonly Parameter _weight;
    private readonly Parameter _bias;

    // Glorot and Bengio 2010: uniform in ±sqrt(6 / (inputs + outputs)).
    public DenseModule(string name, int inputs, int units, ulong seed)
        : base(name)
    {
        using var noGradient = no_grad();
        using var generator = new Generator(seed);
        var limit = Math.Sqrt(6.0 / ((double)inputs + units));
        _weight = new Parameter(empty(units, inputs).uniform_(-limit, limit, generator));
        _bias = new Parameter(zeros(units));
        register_parameter("weight", _weight);
        register_parameter("bias", _bias);
    }

    /// <summary>[units, inputs].</summary>
    public Parameter Weight => _weight;

    /// <summary>Computes weight · x in training, in libtorch's place; null: libtorch does.</summary>
    public Func<Tensor, Tensor>? Product { get; set; }

    public override Tensor forward(Tensor input) => training && Product is { } product ? product(input) + _bias : functional.linear(input, _weight, _bias);
}
