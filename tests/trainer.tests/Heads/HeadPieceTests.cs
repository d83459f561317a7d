using Headstart.Models;
using Headstart.Trainer.Heads;
using static TorchSharp.torch;

namespace Headstart.Tests.Heads;

/// <summary>What each piece says of itself, beside what its module does.</summary>
public sealed class HeadPieceTests
{
    private static readonly string[] Written =
    [
        "flatten", "gap", "gmp", "avgpool(1)", "avgpool(2)", "avgpool(4)", "dense(7)", "dense(7, gelu)", "dropout(0.5)", "batchnorm",
        "layernorm", "l2norm",
    ];

    private static readonly LayerShape[] Shapes = [new(6, 5, 4), new(6, 4, 4), new(6, 1, 1), new(1, 1, 1), new(3, 1, 2)];

    public static TheoryData<string> Pieces => [.. Written];

    [Fact]
    public void Every_word_and_every_piece_is_tried_here()
    {
        var pieces = Written.Select(w => HeadSpec.Parse(w).Pieces.Single()).ToList();

        Assert.Equal(HeadSpecParser.Words.Order(), pieces.Select(p => p.Word).Distinct().Order());
        var types = typeof(HeadPiece).Assembly.GetTypes().Where(t => t.IsSubclassOf(typeof(HeadPiece)));
        Assert.Equal(types.Select(t => t.Name).Order(), pieces.Select(p => p.GetType().Name).Distinct().Order());
    }

    [Theory]
    [MemberData(nameof(Pieces))]
    public void A_piece_says_of_itself_what_its_module_does(string written)
    {
        var piece = HeadSpec.Parse(written).Pieces.Single();
        var tried = 0;
        foreach (var shape in Shapes)
        {
            var layer = new ModelLayer("layer", shape);
            if (piece.Refusal(shape) is { } refusal)
            {
                var error = Assert.Throws<CommandException>(() => HeadPlan.Create(HeadSpec.Parse(written), layer, 2));
                Assert.Contains(refusal, error.Message, StringComparison.Ordinal);
                continue;
            }

            // With flatten behind it there is always a vector for the output layer; what a fixed piece alone gives is what Reduce gives.
            using var scope = NewDisposeScope();
            using var head = new Head(HeadPlan.Create(HeadSpec.Parse($"{written}, flatten"), layer, 2), 1, CPU) { IsTraining = false };
            var planned = head.Plan.Pieces[0];
            var input = rand(shape.IsVector ? [3, shape.Channels] : [3, shape.Channels, shape.Height, shape.Width]);
            var own = head.Parameters.Where(p => p.Name.StartsWith(planned.Name, StringComparison.Ordinal)).Sum(p => p.Value.numel());

            Assert.Equal(own, planned.Parameters);
            Assert.Equal(piece.Output(shape).Length, (int)head.Parameters[^2].Value.shape[1]);
            Assert.Equal([3, 1], head.Forward(input).shape);
            Assert.Equal(piece.IsFixed, head.Plan.FixedPieces > 0);
            if (piece.IsFixed)
            {
                var found = head.Reduce(input);
                Assert.Equal(3 * piece.Output(shape).Length, found.numel());
                Assert.Equal(Values(found).SequenceEqual(Values(input)), piece.KeepsValues(shape));
            }

            tried++;
        }

        Assert.InRange(tried, 1, Shapes.Length);
    }

    [Fact]
    public void Only_batch_norm_sees_the_batch()
    {
        foreach (var piece in Written.Select(w => HeadSpec.Parse(w).Pieces.Single()))
            Assert.Equal(piece is BatchNorm, piece.SeesBatch);
    }

    private static float[] Values(Tensor tensor) => tensor.contiguous().data<float>().ToArray();
}
