using Headstart.Models;
using Headstart.Models.Onnx;
using static Headstart.Tests.Models.OnnxSamples;
using AttributeType = Headstart.Models.Onnx.AttributeProto.Types.AttributeType;
using DataType = Headstart.Models.Onnx.TensorProto.Types.DataType;

namespace Headstart.Tests.Models;

public sealed class OnnxConstantsTests
{
    [Fact]
    public void A_constant_node_becomes_an_initialiser_under_the_name_of_its_output()
    {
        var kernel = Noise("any", 1, 2, 3, 1, 1);
        var graph = Graph([Node("Constant", [], "w", Value(kernel)), Node("Conv", ["x", "w"], "y")]);

        Assert.Equal(1, OnnxConstants.ToInitialisers(graph));

        Assert.Equal("Conv", Assert.Single(graph.Node).OpType);
        Assert.Equal(("w", kernel.RawData), (graph.Initializer[0].Name, Assert.Single(graph.Initializer).RawData));
    }

    [Fact]
    public void Numbers_and_lists_of_them_become_initialisers_too()
    {
        var floats = new AttributeProto { Name = "value_floats", Type = AttributeType.Floats };
        floats.Floats.AddRange([1.5f, 2]);
        var graph = Graph(
        [
            Node("Constant", [], "a", new AttributeProto { Name = "value_float", Type = AttributeType.Float, F = 0.5f }),
            Node("Constant", [], "b", floats),
            Node("Constant", [], "c", Int("value_int", 7)),
            Node("Constant", [], "d", Ints("value_ints", 1, -1)),
            Node("Sum", ["x", "a", "b", "c", "d"], "y"),
        ]);

        Assert.Equal(1, OnnxConstants.ToInitialisers(graph)); // The list of floats alone is a weight.

        var tensors = graph.Initializer.ToDictionary(t => t.Name);
        Assert.Equal([0.5f], OnnxTensor.ToFloats(tensors["a"]));
        Assert.Equal([1.5f, 2], OnnxTensor.ToFloats(tensors["b"]));
        Assert.Equal([7L], tensors["c"].Int64Data);
        Assert.Equal([1L, -1], tensors["d"].Int64Data);
        Assert.Equal([0, 1, 0, 1], "abcd".Select(name => tensors[name.ToString()].Dims.Count));
    }

    [Fact]
    public void Each_reader_behind_an_identity_has_weights_of_its_own()
    {
        var graph = Graph(
            [Node("Identity", ["w"], "w1"), Node("Identity", ["w1"], "w2"), Node("Conv", ["x", "w1"], "a"), Node("Conv", ["a", "w2"], "y")],
            Noise("w", 1, 3, 3, 1, 1));
        graph.Input.Add(Input("w", DataType.Float, 3, 3, 1, 1)); // As before IR version 4.
        var values = graph.Initializer[0].RawData;

        OnnxConstants.ToInitialisers(graph);

        Assert.Equal(["Conv", "Conv"], graph.Node.Select(n => n.OpType));
        Assert.Equal(["w1", "w2"], graph.Initializer.Select(t => t.Name));
        Assert.All(graph.Initializer, t => Assert.Equal(values, t.RawData));
        Assert.Equal(["x"], graph.Input.Select(i => i.Name));
    }

    [Fact]
    public void Weights_that_others_read_too_stay()
    {
        var graph = Graph(
            [Node("Identity", ["w"], "w1"), Node("Conv", ["x", "w1"], "a"), Node("Conv", ["a", "w"], "y")], Noise("w", 1, 3, 3, 1, 1));

        OnnxConstants.ToInitialisers(graph);

        Assert.Equal(["w", "w1"], graph.Initializer.Select(t => t.Name));
    }

    [Fact]
    public void Identities_of_computed_tensors_and_outputs_stay()
    {
        var graph = Graph([Node("Identity", ["x"], "i"), Node("Constant", [], "c", Value(Noise("c", 1, 3))), Node("Relu", ["i"], "y")]);
        graph.Output.Add(new ValueInfoProto { Name = "c" });

        Assert.Equal(0, OnnxConstants.ToInitialisers(graph));

        Assert.Equal(["Identity", "Constant", "Relu"], graph.Node.Select(n => n.OpType));
        Assert.Empty(graph.Initializer);
    }

    private static AttributeProto Value(TensorProto tensor) => new() { Name = "value", Type = AttributeType.Tensor, T = tensor };

    private static GraphProto Graph(NodeProto[] nodes, params TensorProto[] initialisers) =>
        Model(13, Input("x", DataType.Float, 0, 3, 8, 8), ["y"], nodes, initialisers).Graph;
}
