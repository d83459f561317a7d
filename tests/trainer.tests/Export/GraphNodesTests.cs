using Google.Protobuf;
using Headstart.Models;
using Headstart.Models.Onnx;
using Headstart.Trainer.Export;
using Headstart.Trainer.Runtime;

namespace Headstart.Tests.Export;

public sealed class GraphNodesTests
{
    // Python's math.erf.
    private static readonly (float X, double Erf)[] Erfs =
    [
        (-30, -1), (-3, -0.9999779095030014), (-1, -0.8427007929497149), (-0.25f, -0.27632639016823696), (-1e-4f, -1.1283791633343e-4),
        (0, 0), (1e-4f, 1.1283791633343e-4), (0.5f, 0.5204998778130465), (2, 0.9953222650189527), (30, 1),
    ];

    [Theory]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(9)]
    [InlineData(13)]
    public void The_error_function_is_right_with_and_without_an_operator_for_it(int opset)
    {
        var found = Run(opset, nodes => nodes.ErrorFunction("y", "x"), [.. Erfs.Select(e => e.X)]);

        for (var i = 0; i < Erfs.Length; i++)
            Assert.Equal(Erfs[i].Erf, found[i], 3e-7);
    }

    [Theory]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(12)]
    public void At_least_leaves_larger_values_and_lifts_smaller_ones(int opset) =>
        Assert.Equal([0.5f, 0.5f, 0.5f, 0.75f, 4e9f], Run(opset, nodes => nodes.AtLeast("y", "x", 0.5f), [-1, 0, 0.5f, 0.75f, 4e9f]));

    private static float[] Run(int opset, Func<GraphNodes, string> write, float[] x)
    {
        var graph = new GraphProto { Name = "one" };
        graph.Input.Add(VggGraph.Describe("x", new LayerShape(x.Length, 1, 1)));
        var model = new ModelProto { IrVersion = 8, Graph = graph };
        model.OpsetImport.Add(new OperatorSetIdProto { Domain = "", Version = opset });
        var nodes = new GraphNodes(model, "one.onnx");
        var output = write(nodes);
        nodes.Append();
        graph.Output.Add(new ValueInfoProto { Name = output, Type = graph.Input[0].Type.Clone() });
        using var session = new OnnxRuntimeSession(model.ToByteArray(), "one.onnx");
        return session.Run(x, [1, x.Length, 1, 1], output).Floats;
    }
}
