using Headstart.Models;
using Headstart.Models.Onnx;
using static Headstart.Tests.Models.OnnxSamples;

namespace Headstart.Tests.Models;

public sealed class OnnxGraphTests
{
    [Fact]
    public void Cutting_keeps_only_what_the_layer_needs()
    {
        var cut = OnnxGraph.CutTo(Residual(), ["inner"]).Graph;

        Assert.Equal(["stem", "norm", "inner"], OnnxGraph.ComputedTensors(cut));
        Assert.Equal(["w1", "scale", "shift", "mean", "variance"], cut.Initializer.Select(t => t.Name));
        Assert.Equal(["inner"], cut.Output.Select(o => o.Name));
        Assert.Equal(["x"], cut.Input.Select(i => i.Name));
    }

    [Fact]
    public void Cutting_leaves_the_original_as_it_was()
    {
        var model = Residual();
        var before = model.Clone();

        OnnxGraph.CutTo(model, ["inner"]);

        Assert.Equal(before, model);
    }

    [Fact]
    public void Cutting_puts_outputs_into_the_order_of_the_network() =>
        Assert.Equal(["inner", "features"], OnnxGraph.CutTo(Residual(), ["features", "inner"]).Graph.Output.Select(o => o.Name));

    [Fact]
    public void Cutting_drops_inputs_that_the_layer_does_not_need()
    {
        var model = Model(
            13,
            Input("x", TensorProto.Types.DataType.Float, 0, 3, 8, 8),
            ["a", "b"],
            [Node("Relu", ["x"], "a"), Node("Add", ["x", "other"], "b")]);
        model.Graph.Input.Add(Input("other", TensorProto.Types.DataType.Float, 0, 3, 8, 8));

        Assert.Equal(["x"], OnnxGraph.CutTo(model, ["a"]).Graph.Input.Select(i => i.Name));
    }

    [Fact]
    public void Cutting_keeps_what_an_inner_graph_captures()
    {
        var branch = new GraphProto { Name = "branch" };
        branch.Node.Add(Node("Add", ["captured", "w1"], "branch_out"));
        branch.Output.Add(new ValueInfoProto { Name = "branch_out" });
        var choice = Node("If", ["condition"], "y",
            new AttributeProto { Name = "then_branch", Type = AttributeProto.Types.AttributeType.Graph, G = branch });
        var model = Model(
            13,
            Input("x", TensorProto.Types.DataType.Float, 0, 3, 8, 8),
            ["y"],
            [Node("Relu", ["x"], "captured"), Node("Relu", ["x"], "unused"), choice],
            Noise("w1", 1, 1),
            Noise("w2", 1, 1),
            Noise("condition", 1, 1));

        var cut = OnnxGraph.CutTo(model, ["y"]).Graph;

        Assert.Equal(["captured", "y"], OnnxGraph.ComputedTensors(cut));
        Assert.Equal(["w1", "condition"], cut.Initializer.Select(t => t.Name));
    }

    [Fact]
    public void An_unknown_tensor_is_answered_with_the_nearest_names()
    {
        var error = Assert.Throws<CommandException>(() => OnnxGraph.CutTo(Residual(), ["featurs"]));

        Assert.Contains("'featurs'", error.Message);
        Assert.Contains("The nearest names: features, ", error.Message);
        Assert.Equal(ExitCode.Usage, error.ExitCode);
    }

    [Fact]
    public void Initialisers_that_are_listed_as_inputs_need_not_be_fed()
    {
        var model = Residual();
        model.Graph.Input.Add(Input("w1", TensorProto.Types.DataType.Float, 4, 3, 3, 3));

        Assert.Equal(["x"], OnnxGraph.FedInputs(model.Graph).Select(i => i.Name));
    }

    // kitten -> sitting is the textbook example (3); the others are plain to see.
    [Theory]
    [InlineData("kitten", "sitting", 3)]
    [InlineData("", "abc", 3)]
    [InlineData("block5_pool", "Block5_Pool", 0)]
    [InlineData("flaw", "lawn", 2)]
    [InlineData("gpa", "gap", 1)] // a swap of neighbours
    public void Edit_distance_counts_single_mistakes(string a, string b, int distance) =>
        Assert.Equal(distance, NearestNames.EditDistance(a, b));

    [Fact]
    public void A_cut_between_tensors_is_fed_with_those_it_uses_and_holds_nothing_above_them()
    {
        var model = Described("stem", "inner");

        var cut = OnnxGraph.CutBetween(model, ["stem", "inner"], ["features"])!;

        Assert.Equal(["inner", "stem"], cut.Graph.Input.Select(i => i.Name));
        Assert.Equal(["Conv", "Add"], cut.Graph.Node.Select(n => n.OpType));
        Assert.Equal(["w2"], cut.Graph.Initializer.Select(t => t.Name));
        Assert.Equal(["features"], cut.Graph.Output.Select(o => o.Name));
        Assert.Equal(["stem"], OnnxGraph.CutBetween(model, ["stem"], ["logits", "features"])!.Graph.Input.Select(i => i.Name));
    }

    [Fact]
    public void A_cut_between_tensors_is_none_where_something_else_must_be_fed_or_a_shape_is_unknown()
    {
        // The residual branch needs the stem too; and the input is above both.
        Assert.Null(OnnxGraph.CutBetween(Described("inner"), ["inner"], ["features"]));
        Assert.Null(OnnxGraph.CutBetween(Described("features"), ["features"], ["inner"]));
        Assert.Null(OnnxGraph.CutBetween(Described(), ["stem"], ["features"]));
    }

    [Fact]
    public void Cut_points_are_the_tensors_from_which_alone_the_rest_can_be_computed()
    {
        var all = OnnxGraph.ComputedTensors(Residual().Graph).ToArray();
        var model = Described(all);
        model.Graph.Output.Clear(); // they have no shapes, which would hide those

        foreach (var to in all)
        {
            var expected =
                all.Where(from => from != to && OnnxGraph.CutBetween(model, [from], [to]) is { } cut && cut.Graph.Input.Count == 1);
            Assert.Equal(expected, OnnxGraph.CutPoints(model.Graph, to));
        }

        var points = OnnxGraph.CutPoints(model.Graph, "logits");
        Assert.Contains("stem", points);
        Assert.DoesNotContain("inner", points); // the shortcut leads around it
        Assert.Throws<CommandException>(() => OnnxGraph.CutPoints(model.Graph, "logit"));
    }

    private static ModelProto Described(params string[] tensors)
    {
        var model = OnnxSamples.Residual();
        model.Graph.ValueInfo.AddRange(tensors.Select(name => OnnxSamples.Input(name, TensorProto.Types.DataType.Float, 0, 4, 8, 8)));
        return model;
    }
}
