using Headstart.Models;
using Headstart.Trainer.Heads;

namespace Headstart.Tests.Heads;

public sealed class HeadPlanTests
{
    private static readonly ModelLayer Block5 = new("block5_pool", new LayerShape(512, 7, 7));

    [Fact]
    public void Reference_head_has_the_size_that_Keras_gives()
    {
        // Keras' summary of Flatten, Dense(256), Dense(1) on VGG16: 6,422,784 + 257 parameters.
        var plan = Plan(HeadSpec.Reference);

        Assert.Equal(6_422_784 + 257, plan.Parameters);
        Assert.Equal(["flatten_1", "dense_1", "output"], plan.Pieces.Select(p => p.Name));
        Assert.Equal(new LayerShape(25_088, 1, 1), plan.Stored);
        Assert.Equal(1, plan.Outputs);
    }

    [Theory]
    [InlineData(2, 1)]
    [InlineData(3, 3)]
    [InlineData(5, 5)]
    public void Output_follows_from_the_classes(int classes, int outputs) => Assert.Equal(outputs, Plan("gap", classes).Outputs);

    [Theory]
    [InlineData("gap, dense(8)", 512, 1, 1)]
    [InlineData("avgpool(2), gmp", 512, 1, 1)]
    [InlineData("avgpool(2), batchnorm, flatten", 512, 3, 3)]
    [InlineData("dropout(0.5), flatten", 512, 7, 7)]
    public void Features_stay_in_memory_as_the_fixed_pieces_leave_them(string head, int channels, int height, int width) =>
        Assert.Equal(new LayerShape(channels, height, width), Plan(head).Stored);

    [Theory]
    [InlineData("dense(8)", 1, "dense takes a vector, and gets 512 x 7 x 7. Put flatten, gap or gmp before it")]
    [InlineData("avgpool(2), l2norm", 13, "l2norm takes a vector, and gets 512 x 3 x 3")]
    [InlineData("layernorm", 1, "layernorm takes a vector")]
    [InlineData("avgpool(8), flatten", 1, "avgpool has a window of 8 x 8, and gets 512 x 7 x 7")]
    [InlineData("avgpool(2)", 11, "the head ends in 512 x 3 x 3")]
    public void Pieces_that_do_not_fit_are_named_with_their_shape(string head, int column, string words)
    {
        var error = Assert.Throws<CommandException>(() => Plan(head));

        Assert.StartsWith($"--head, column {column}: ", error.Message, StringComparison.Ordinal);
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Vector_layer_needs_no_flatten() =>
        Assert.Equal(
            1280 + 1, HeadPlan.Create(HeadSpec.Parse("dropout(0.2)"), new ModelLayer("pooled", new LayerShape(1280, 1, 1)), 2).Parameters);

    [Fact]
    public void Names_count_pieces_of_a_kind() => Assert.Equal(
        ["gap_1", "batchnorm_1", "dense_1", "dropout_1", "dense_2", "output"],
        Plan("gap, batchnorm, dense(8), dropout(0.1), dense(4, tanh)").Pieces.Select(p => p.Name));

    private static HeadPlan Plan(string head, int classes = 2) => HeadPlan.Create(HeadSpec.Parse(head), Block5, classes);
}
