using Headstart.Models.Onnx;

namespace Headstart.Models;

/// <summary>The weights of one convolution.</summary>
/// <param name="Kernel">Out x In x 3 x 3 (OIHW), row-major.</param>
/// <param name="Bias">A value an output channel.</param>
public sealed record ConvolutionWeights(float[] Kernel, float[] Bias);

/// <summary>Writes a VGG base as an ONNX graph, layer by layer, under Keras' names.</summary>
/// <remarks>Opset 13, IR version 8: any ONNX Runtime since 1.10 reads it. The initialisers are <c>block1_conv1.weight</c> (OIHW),
/// <c>block1_conv1.bias</c> and so on; the outputs are named as in Keras, convolutions after their ReLU.</remarks>
public static class VggGraph
{
    public const string InputName = "input";

    /// <summary>Builds the graph down to the deepest of <paramref name="layers"/>.</summary>
    /// <param name="architecture">Names and widths of the layers.</param>
    /// <param name="layers">Which become outputs; they are put into the order of the network.</param>
    /// <param name="size">Height and width of the input, in pixels; halved, rounded down, by every pool.</param>
    /// <param name="weights">Gives the weights of one convolution; asked only for those that are needed, shallow first.</param>
    public static (ModelProto Model, IReadOnlyList<ModelLayer> Layers) Build(
        VggArchitecture architecture, IReadOnlyCollection<string> layers, int size, Func<VggConvolution, ConvolutionWeights> weights)
    {
        var wanted = layers.ToHashSet(StringComparer.Ordinal);
        var deepest = architecture.LayerNames.Last(wanted.Contains);
        var graph = new GraphProto { Name = architecture.Name };
        graph.Input.Add(Describe(InputName, new LayerShape(3, size, size)));
        var outputs = new List<ModelLayer>();
        var tensor = InputName;
        var shape = new LayerShape(3, size, size);
        var needed = architecture.ConvolutionsUpTo(deepest);
        for (var i = 0; i < needed.Count; i++)
        {
            var convolution = needed[i];
            AddConvolution(graph, tensor, convolution, weights(convolution));
            tensor = convolution.Name;
            shape = shape with { Channels = convolution.OutChannels };
            Collect();

            var blockEnds = i + 1 == needed.Count ? deepest != tensor : needed[i + 1].Block != convolution.Block;
            if (blockEnds)
            {
                var pool = VggArchitecture.PoolName(convolution.Block);
                graph.Node.Add(Pool(tensor, pool));
                tensor = pool;
                shape = shape with { Height = shape.Height / 2, Width = shape.Width / 2 };
                Collect();
            }
        }

        var model = new ModelProto { IrVersion = 8, ProducerName = "Headstart", Graph = graph };
        model.OpsetImport.Add(new OperatorSetIdProto { Domain = "", Version = 13 });
        return (model, outputs);

        void Collect()
        {
            if (!wanted.Contains(tensor))
                return;
            outputs.Add(new ModelLayer(tensor, shape));
            graph.Output.Add(Describe(tensor, shape));
        }
    }

    /// <summary>A float32 tensor of any batch size and the given shape.</summary>
    public static ValueInfoProto Describe(string name, LayerShape shape, int? batch = null)
    {
        var dims = new TensorShapeProto();
        dims.Dim.Add(batch is { } n ? Dimension(n) : new TensorShapeProto.Types.Dimension { DimParam = "batch" });
        dims.Dim.AddRange([Dimension(shape.Channels), Dimension(shape.Height), Dimension(shape.Width)]);
        return new ValueInfoProto
        {
            Name = name,
            Type = new TypeProto
            {
                TensorType = new TypeProto.Types.Tensor { ElemType = (int)TensorProto.Types.DataType.Float, Shape = dims },
            },
        };

        static TensorShapeProto.Types.Dimension Dimension(long value) => new() { DimValue = value };
    }

    private static void AddConvolution(GraphProto graph, string input, VggConvolution convolution, ConvolutionWeights weights)
    {
        var name = convolution.Name;
        graph.Initializer.Add(
            OnnxTensor.FromFloats($"{name}.weight", weights.Kernel, convolution.OutChannels, convolution.InChannels, 3, 3));
        graph.Initializer.Add(OnnxTensor.FromFloats($"{name}.bias", weights.Bias, convolution.OutChannels));

        var conv = new NodeProto { Name = $"{name}_linear", OpType = "Conv" };
        conv.Input.AddRange([input, $"{name}.weight", $"{name}.bias"]);
        conv.Output.Add($"{name}_linear");
        conv.Attribute.AddRange([Integers("kernel_shape", 3, 3), Integers("pads", 1, 1, 1, 1), Integers("strides", 1, 1)]);
        graph.Node.Add(conv);

        var relu = new NodeProto { Name = name, OpType = "Relu" };
        relu.Input.Add($"{name}_linear");
        relu.Output.Add(name);
        graph.Node.Add(relu);
    }

    private static NodeProto Pool(string input, string name)
    {
        var pool = new NodeProto { Name = name, OpType = "MaxPool" };
        pool.Input.Add(input);
        pool.Output.Add(name);
        pool.Attribute.AddRange([Integers("kernel_shape", 2, 2), Integers("strides", 2, 2)]);
        return pool;
    }

    private static AttributeProto Integers(string name, params ReadOnlySpan<long> values)
    {
        var attribute = new AttributeProto { Name = name, Type = AttributeProto.Types.AttributeType.Ints };
        attribute.Ints.AddRange(values.ToArray());
        return attribute;
    }
}
