using Headstart.Models.Onnx;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Headstart.Trainer.FineTuning;

/// <summary>Computes what a node computes: the node's computed inputs in, its output out, which is the caller's.</summary>
internal delegate Tensor TailOperator(Tensor[] inputs);

/// <summary>ONNX operators in libtorch: those of the usual convolutional networks.</summary>
/// <remarks>
/// https://github.com/onnx/onnx/blob/main/docs/Operators.md, as of opset 13 and, where older graphs say the same in another way, before it.
/// </remarks>
internal static class OnnxTailOperators
{
    private static readonly long[] Plane = [2, 3];

    /// <summary>The operators that are known, for messages.</summary>
    public static IReadOnlyList<string> Names { get; } =
        ["Conv", "BatchNormalization", "Relu", "Clip", "Add", "Pad", "MaxPool", "AveragePool", "GlobalAveragePool", "Flatten", "Gemm",
            "Identity", "Constant"];

    /// <param name="node">Any but a Constant and a Conv.</param>
    /// <param name="weights">Gives the node its weights.</param>
    /// <param name="block">The number of the block that the node is in.</param>
    /// <param name="inPlace">Whether nothing else needs the node's first input.</param>
    /// <exception cref="NotSupportedException">The operator, or a way to use it, is not known; the message says which.</exception>
    public static TailOperator Create(NodeProto node, OnnxTailWeights weights, int block, bool inPlace)
    {
        var attributes = new OnnxAttributes(node);
        return node.OpType switch
        {
            _ when node.Domain is not ("" or "ai.onnx") => throw new NotSupportedException($"an operator {node.Domain}.{node.OpType}"),
            "Gemm" => Dense(node, weights, block),
            "BatchNormalization" => Normalization(node, weights, block),
            "MaxPool" => MaxPool(node),
            "AveragePool" => AveragePool(node),
            "GlobalAveragePool" => inputs => inputs[0].mean(Plane, keepdim: true),
            "Relu" => inPlace ? inputs => inputs[0].relu_() : inputs => inputs[0].relu(),
            "Clip" => Clip(node, weights),
            "Add" => Add(node, weights),
            "Pad" => Pad(node, weights),
            "Identity" => inputs => inputs[0].alias(),
            "Flatten" => attributes.Integer("axis", 1) == 1
                ? inputs => inputs[0].flatten(1)
                : throw new NotSupportedException("a Flatten with another axis than 1"),
            _ => throw new NotSupportedException($"an operator {node.OpType}"),
        };
    }

    /// <param name="node">A Conv.</param>
    /// <param name="kernels">Compute it.</param>
    /// <exception cref="NotSupportedException">As above.</exception>
    public static TailConvolution Convolution(NodeProto node, OnnxTailWeights weights, int block, ConvolutionKernels kernels)
    {
        var weight = weights.Trainable(node.Input[1], block);
        var bias = Optional(node, 2) is { } name ? weights.Trainable(name, block) : null;
        return new TailConvolution(
            weights, weight, bias, new OnnxWindow(node, weight.Value.shape[2..]), new OnnxAttributes(node).Integer("group", 1), kernels);
    }

    private static TailOperator Dense(NodeProto node, OnnxTailWeights weights, int block)
    {
        var attributes = new OnnxAttributes(node);
        var (alpha, beta) = (attributes.Float("alpha", 1), attributes.Float("beta", 1));
        var (transposesInput, transposesWeight) = (attributes.Integer("transA", 0) != 0, attributes.Integer("transB", 0) != 0);
        if (transposesInput || alpha != 1 || beta != 1)
            throw new NotSupportedException("a Gemm with transA, alpha or beta");
        var weight = weights.Trainable(node.Input[1], block);
        var bias = Optional(node, 2) is { } name ? weights.Trainable(name, block) : null;
        return inputs => functional.linear(
            inputs[0], transposesWeight ? weights.Use(weight) : weights.Use(weight).t(), bias is null ? null : weights.Use(bias));
    }

    // Scale and shift can be trained; the statistics are the base's own and stay, as a few batches of another set would only blur them.
    private static TailOperator Normalization(NodeProto node, OnnxTailWeights weights, int block)
    {
        var attributes = new OnnxAttributes(node);
        if (attributes.Integer("training_mode", 0) != 0 || node.Output.Count(o => o.Length > 0) > 1)
            throw new NotSupportedException("a BatchNormalization in training mode");
        var (scale, shift) = (weights.Trainable(node.Input[1], block), weights.Trainable(node.Input[2], block));
        var (mean, variance) = (weights.Constant(node.Input[3]), weights.Constant(node.Input[4]));
        var epsilon = attributes.Float("epsilon", 1e-5f);
        return inputs => functional.batch_norm(inputs[0], mean, variance, scale.Value, shift.Value, training: false, eps: epsilon);
    }

    private static TailOperator MaxPool(NodeProto node)
    {
        var attributes = new OnnxAttributes(node);
        var window = new OnnxWindow(node, attributes.Integers("kernel_shape") ?? []);
        var roundsUp = attributes.Integer("ceil_mode", 0) != 0;
        if (node.Output.Count(o => o.Length > 0) > 1)
            throw new NotSupportedException("a MaxPool that gives indices");
        return inputs =>
        {
            var (input, padding) = window.Pad(inputs[0], double.NegativeInfinity, [window.Kernel[0] / 2, window.Kernel[1] / 2]);
            return functional.max_pool2d(input, window.Kernel, window.Strides, padding, window.Dilations, roundsUp);
        };
    }

    private static TailOperator AveragePool(NodeProto node)
    {
        var attributes = new OnnxAttributes(node);
        var window = new OnnxWindow(node, attributes.Integers("kernel_shape") ?? []);
        var countsPadding = attributes.Integer("count_include_pad", 0) != 0;
        if (attributes.Integer("ceil_mode", 0) != 0 || window.Dilations.Any(d => d != 1))
            throw new NotSupportedException("an AveragePool with ceil_mode or dilations");
        return inputs =>
        {
            var (input, padding) = window.Pad(inputs[0], 0, [window.Kernel[0] / 2, window.Kernel[1] / 2]);
            var mean = functional.avg_pool2d(input, window.Kernel, window.Strides, padding, count_include_pad: countsPadding);
            if (countsPadding || ReferenceEquals(input, inputs[0]))
                return mean;

            // Padded by hand, the zeros count: divide by the part of each window that is picture.
            var (top, left, bottom, right) = window.Borders(inputs[0]);
            var picture =
                functional.pad(ones_like(inputs[0][TensorIndex.Slice(0, 1), TensorIndex.Slice(0, 1)]), [left, right, top, bottom]);
            return mean / functional.avg_pool2d(picture, window.Kernel, window.Strides);
        };
    }

    // Its bounds are inputs since opset 11, and were attributes before.
    private static TailOperator Clip(NodeProto node, OnnxTailWeights weights)
    {
        var attributes = new OnnxAttributes(node);
        var (lowest, highest) = (Bound(1, "min"), Bound(2, "max"));
        return inputs => inputs[0].clamp(lowest, highest);

        TorchSharp.Scalar? Bound(int index, string name)
        {
            if (Optional(node, index) is { } input)
                return weights.Constant(input).item<float>();
            return attributes.Has(name) ? attributes.Float(name, 0) : null;
        }
    }

    private static TailOperator Add(NodeProto node, OnnxTailWeights weights)
    {
        if (node.Input.FirstOrDefault(weights.Has) is not { } name)
            return inputs => inputs[0].add(inputs[^1]);
        var constant = weights.Constant(name);
        return inputs => inputs[0].add(constant.to(inputs[0].dtype));
    }

    // The widths are an input since opset 11, and were an attribute before.
    private static TailOperator Pad(NodeProto node, OnnxTailWeights weights)
    {
        var attributes = new OnnxAttributes(node);
        var pads = attributes.Integers("pads") ?? weights.Integers(Optional(node, 1) ?? "");
        var value = Optional(node, 2) is { } name ? weights.Constant(name).item<float>() : attributes.Float("value", 0);
        if (attributes.Text("mode", "constant") != "constant")
            throw new NotSupportedException($"a Pad of mode '{attributes.Text("mode", "")}'");
        if (Optional(node, 3) is not null || pads is not [0, 0, var top, var left, 0, 0, var bottom, var right])
            throw new NotSupportedException("a Pad of anything but rows and columns");
        return inputs => functional.pad(inputs[0], [left, right, top, bottom], value: value);
    }

    private static string? Optional(NodeProto node, int index) =>
        index < node.Input.Count && node.Input[index].Length > 0 ? node.Input[index] : null;
}
