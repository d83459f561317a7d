using Headstart.Safetensors;
using Headstart.Trainer.Tensors;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Headstart.Trainer.Heads;

/// <summary>A head with its weights: features of one layer in, logits out.</summary>
/// <remarks>
/// Not thread-safe. Shapes: [n, c] where the layer is a vector, otherwise [n, c, h, w]; logits are [n, <see cref="HeadPlan.Outputs"/>].
/// </remarks>
internal sealed class Head : IDisposable
{
    private readonly Sequential _fixedPart;
    private readonly Sequential _trained;

    /// <summary>A fresh head: Glorot-uniform kernels and zero biases, as Keras starts a Dense layer.</summary>
    /// <param name="plan">What to build.</param>
    /// <param name="seed">Equal seeds give equal weights, bit for bit, whatever else the process draws.</param>
    /// <param name="device">Where it computes.</param>
    public Head(HeadPlan plan, long seed, Device device)
    {
        Plan = plan;
        Device = device;
        _fixedPart = Sequential(plan.Pieces.Take(plan.FixedPieces).SelectMany((p, i) => Modules(p, i, seed, device)));
        _trained = Sequential(plan.Pieces.Skip(plan.FixedPieces).SelectMany((p, i) => Modules(p, plan.FixedPieces + i, seed, device)));
        _fixedPart.eval();
        _trained.to(device);
    }

    public HeadPlan Plan { get; }

    public Device Device { get; }

    /// <summary>
    /// What training changes, under readable names such as <c>dense_1.weight</c> [units, inputs], in the order of the pieces.
    /// </summary>
    public IReadOnlyList<(string Name, Parameter Value)> Parameters => [.. _trained.named_parameters().Select(p => (p.name, p.parameter))];

    /// <summary>Everything that is stored: the parameters, and the running statistics of batch norm.</summary>
    public IReadOnlyList<(string Name, Tensor Value)> State =>
    [
        .. Parameters.Select(p => (p.Name, (Tensor)p.Value)),
        .. _trained.named_buffers().Where(b => b.buffer.dtype == ScalarType.Float32).Select(b => (b.name, b.buffer)),
    ];

    /// <summary>Whether dropout drops and batch norm looks at the batch.</summary>
    public bool IsTraining
    {
        get => _trained.training;
        set => _trained.train(value);
    }

    /// <summary>Where each dropout stands in its random numbers, as libtorch writes it.</summary>
    public IReadOnlyList<byte[]> RandomState
    {
        get => [.. Dropouts.Select(d => d.RandomState)];
        set
        {
            foreach (var (dropout, state) in Dropouts.Zip(value))
                dropout.RandomState = state;
        }
    }

    /// <summary>What <see cref="ForwardReduced"/> computes, one module after the other.</summary>
    public IReadOnlyList<Module<Tensor, Tensor>> Trained => [.. _trained.children().Cast<Module<Tensor, Tensor>>()];

    /// <summary>The fixed pieces alone: what can be computed once for all epochs. The result is the caller's.</summary>
    public Tensor Reduce(Tensor features) => Plan.FixedPieces == 0 ? features.alias() : _fixedPart.forward(features);

    /// <summary>Logits from what <see cref="Reduce"/> gave.</summary>
    public Tensor ForwardReduced(Tensor reduced) => _trained.forward(reduced);

    /// <summary>Logits from the layer's features.</summary>
    public Tensor Forward(Tensor features)
    {
        using var reduced = Reduce(features);
        return ForwardReduced(reduced);
    }

    /// <summary>Takes over stored weights.</summary>
    /// <param name="state">Exactly the names of <see cref="State"/>, each with its shape.</param>
    /// <param name="source">The file, for messages.</param>
    /// <exception cref="CommandException">A tensor is missing, too many, or of another shape; nothing is changed.</exception>
    public void Load(IReadOnlyDictionary<string, NamedTensor> state, string source)
    {
        var own = State;
        foreach (var (name, value) in own)
        {
            if (!state.TryGetValue(name, out var stored))
            {
                throw new CommandException(
                    $"{source} has no tensor '{name}', which the head '{Plan.Spec}' needs. Pass the run that was trained with this head.");
            }

            if (!stored.Shape.SequenceEqual(value.shape))
            {
                throw new CommandException($"{source}: '{name}' is [{string.Join(", ", stored.Shape)}], and the head '{Plan.Spec}' " +
                    $"needs [{string.Join(", ", value.shape)}]. Pass the run that was trained with this head.");
            }
        }

        if (state.Keys.Except(own.Select(o => o.Name)).FirstOrDefault() is { } extra)
        {
            throw new CommandException(
                $"{source} has a tensor '{extra}' that the head '{Plan.Spec}' has no place for. " +
                "Pass the run that was trained with this head.");
        }

        foreach (var (name, value) in own)
            state[name].CopyTo(value);
    }

    /// <summary>A copy of <see cref="State"/> outside libtorch.</summary>
    public IReadOnlyList<NamedTensor> ToNamedTensors() => [.. State.Select(s => s.Value.ToNamed(s.Name))];

    private IEnumerable<SeededDropoutModule> Dropouts => _trained.children().OfType<SeededDropoutModule>();

    public void Dispose()
    {
        _fixedPart.Dispose();
        _trained.Dispose();
    }

    private static IEnumerable<(string Name, Module<Tensor, Tensor> Module)> Modules(
        PlannedPiece planned, int index, long seed, Device device)
    {
        var name = planned.Name;
        switch (planned.Piece)
        {
            case Flatten:
                return [(name, new FlattenModule(name))];
            case GlobalAveragePool:
                return [(name, new GlobalPoolModule(name, maximum: false))];
            case GlobalMaxPool:
                return [(name, new GlobalPoolModule(name, maximum: true))];
            case AveragePool pool:
                return [(name, new AveragePoolModule(name, pool.Window))];
            case L2Norm:
                return [(name, new L2NormModule(name))];
            case Dropout dropout:
                var bits = new SeededRandom(seed, "dropout", index).NextBits();
                return [(name, new SeededDropoutModule(name, dropout.Probability, bits, device))];
            case LayerNorm:
                return [(name, LayerNorm(planned.Input.Length))];
            case BatchNorm:
                return [(name, planned.Input.IsVector ? BatchNorm1d(planned.Input.Channels) : BatchNorm2d(planned.Input.Channels))];
            case Dense dense:
                var linear = new DenseModule(name, planned.Input.Length, dense.Units, new SeededRandom(seed, "kernel", index).NextBits());
                return dense.Activation == Activation.Linear
                    ? [(name, linear)]
                    : [(name, linear), ($"{name}_{dense.Activation.Word()}", Module(dense.Activation))];
            default:
                throw new ArgumentException($"no module for {planned.Piece}", nameof(planned));
        }
    }

    private static Module<Tensor, Tensor> Module(Activation activation) => activation switch
    {
        Activation.Relu => ReLU(),
        Activation.Elu => ELU(),
        Activation.Gelu => GELU(),
        Activation.Silu => SiLU(),
        Activation.Tanh => Tanh(),
        Activation.Sigmoid => Sigmoid(),
        _ => throw new ArgumentOutOfRangeException(nameof(activation), activation, "no module"),
    };
}
