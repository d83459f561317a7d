using Headstart.Trainer.Features;
using Headstart.Trainer.Heads;
using Headstart.Trainer.Kernels;
using static TorchSharp.torch;
using Parameter = TorchSharp.Modules.Parameter;

namespace Headstart.Trainer.Sweeps;

/// <summary>
/// Heads of one structure with their weights stacked, computed all at once: [K, units, inputs] where each head has [units, inputs].
/// </summary>
/// <remarks>
/// K heads. They belong to S orders of the images, K/S heads to each, one after the other: with one order all heads see the same batch, and
/// their
/// first layers are one matrix product.
/// </remarks>
internal sealed class HeadStack : IDisposable
{
    private readonly IReadOnlyList<Head> _heads;
    private readonly PlannedPiece[] _pieces;
    private readonly Dictionary<int, StackedDropout> _dropouts = [];

    /// <param name="heads">Where the weights and the state of dropout come from; they stay the caller's.</param>
    /// <exception cref="ArgumentException">Heads that can't be stacked: see <see cref="Structure"/>.</exception>
    public HeadStack(IReadOnlyList<Head> heads)
    {
        if (Structure(heads[0].Plan) is not { } structure || heads.Any(h => Structure(h.Plan) != structure))
            throw new ArgumentException("these heads can't be stacked", nameof(heads));
        _heads = heads;
        _pieces = [.. heads[0].Plan.Pieces.Skip(heads[0].Plan.FixedPieces)];
        using var noGradient = no_grad();
        Parameters =
        [
            .. Enumerable.Range(0, heads[0].Parameters.Count)
                .Select(i => new Parameter(stack(heads.Select(h => (Tensor)h.Parameters[i].Value), 0))),
        ];
        foreach (var parameter in Parameters)
            parameter.DetachFromDisposeScope();
        var dropouts = 0;
        for (var i = 0; i < _pieces.Length; i++)
        {
            if (_pieces[i].Piece is Dropout)
                _dropouts.Add(i, new StackedDropout(heads, heads[0].Plan.FixedPieces + i, dropouts++));
        }
    }

    /// <summary>As <see cref="Head.Parameters"/>, each with one more dimension in front.</summary>
    public IReadOnlyList<Parameter> Parameters { get; }

    public int Count => _heads.Count;

    /// <summary>What heads must have in common to be stacked: all shapes; chances of dropout may differ.</summary>
    /// <returns>Null where a head can't be stacked: it normalises, or reads maps instead of vectors.</returns>
    public static string? Structure(HeadPlan plan)
    {
        var trained = plan.Pieces.Skip(plan.FixedPieces).ToList();
        return plan.Stored.IsVector && trained.All(p => p.Piece.StacksAs is not null)
            ? $"{plan.Stored} {string.Join(", ", trained.Select(p => p.Piece.StacksAs))}"
            : null;
    }

    /// <summary>
    /// The first layers, where each head has an order of its own and its images are better read where they lie than gathered.
    /// </summary>
    /// <param name="features">What the heads read; must live longer than the result.</param>
    /// <param name="orders">How many orders the heads have.</param>
    /// <param name="batch">The most images in a batch.</param>
    /// <returns>Null where heads share orders or begin with dropout, or there is no kernel for them.</returns>
    public RowLayer? InPlace(FeatureSet features, int orders, int batch) =>
        orders > 1 && orders == Count && _pieces[0].Piece is Dense ? RowLayer.Of(Parameters[0], features, batch) : null;

    /// <summary>Logits of every head.</summary>
    /// <param name="batch">[S, n, inputs]: a batch for each order.</param>
    /// <param name="training">Whether dropout drops.</param>
    /// <returns>[K, n, outputs].</returns>
    public Tensor Forward(Tensor batch, bool training)
    {
        return Forward(batch, first: 0, orders: batch.shape[0], training);
    }

    /// <summary>
    /// Logits in training of heads that begin with a dense layer, whose product with what goes in was computed elsewhere.
    /// </summary>
    /// <param name="product">[K, n, units].</param>
    /// <returns>[K, n, outputs].</returns>
    public Tensor ForwardProduct(Tensor product)
    {
        var activation = ((Dense)_pieces[0].Piece).Activation;
        return Forward(Activate(product + ((Tensor)Parameters[1]).unsqueeze(1), activation), first: 1, orders: Count, training: true);
    }

    private Tensor Forward(Tensor x, int first, long orders, bool training)
    {
        var rows = x.shape[1];
        var parameter = 2 * first;
        for (var i = first; i < _pieces.Length; i++)
        {
            if (_pieces[i].Piece is Dropout)
            {
                if (training)
                    x = _dropouts[i].Apply(x.shape[0] == Count ? x : EachHead(x));
                continue;
            }

            var (kernel, bias) = ((Tensor)Parameters[parameter++], (Tensor)Parameters[parameter++]);
            x = x.shape[0] == Count ? bmm(kernel, x.transpose(1, 2)).add_(bias.unsqueeze(2)).transpose(1, 2) : FirstLayer(x, kernel, bias);
            x = Activate(x, ((Dense)_pieces[i].Piece).Activation);
        }

        return x;

        Tensor EachHead(Tensor shared) =>
            shared.unsqueeze(1).expand(orders, Count / orders, rows, shared.shape[2]).reshape(Count, rows, shared.shape[2]);
    }

    /// <summary>Gives each head its weights, and its place in the random numbers of dropout.</summary>
    public void CopyToHeads()
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        for (var k = 0; k < Count; k++)
        {
            var own = _heads[k].Parameters;
            for (var i = 0; i < own.Count; i++)
                own[i].Value.copy_(Parameters[i].select(0, k));
            _heads[k].RandomState = [.. _dropouts.Values.Select(d => d.RandomState(k))];
        }
    }

    public void Dispose()
    {
        foreach (var parameter in Parameters)
            parameter.Dispose();
        foreach (var dropout in _dropouts.Values)
            dropout.Dispose();
    }

    // The heads of one order are so many units of one wide layer: nothing is copied, and the product is large enough to be fast.
    private Tensor FirstLayer(Tensor x, Tensor kernel, Tensor bias)
    {
        var (orders, rows, units) = (x.shape[0], x.shape[1], kernel.shape[1]);
        var perOrder = Count / orders;
        var wide = orders == 1
            ? nn.functional.linear(x.squeeze(0), kernel.view(Count * units, -1), bias.view(-1)).unsqueeze(0)
            : bmm(kernel.view(orders, perOrder * units, -1), x.transpose(1, 2))
                .add_(bias.view(orders, perOrder * units, 1)).transpose(1, 2);
        return wide.view(orders, rows, perOrder, units).transpose(1, 2).reshape(Count, rows, units);
    }

    private static Tensor Activate(Tensor x, Activation activation) => activation switch
    {
        Activation.Linear => x,
        Activation.Relu => x.relu(),
        Activation.Elu => nn.functional.elu(x, 1),
        Activation.Gelu => x.gelu(),
        Activation.Silu => nn.functional.silu(x),
        Activation.Tanh => x.tanh(),
        Activation.Sigmoid => x.sigmoid(),
        _ => throw new ArgumentOutOfRangeException(nameof(activation), activation, "no function"),
    };
}
