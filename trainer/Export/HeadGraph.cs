using Headstart.Safetensors;
using Headstart.Trainer.Heads;
using static Headstart.Trainer.Export.GraphNodes;

namespace Headstart.Trainer.Export;

/// <summary>
/// A trained head as ONNX operators: what <see cref="Head"/> computes, without dropout, with batch norm's running statistics.
/// </summary>
internal sealed class HeadGraph(GraphNodes nodes, HeadPlan plan, IReadOnlyDictionary<string, NamedTensor> weights)
{
    // libtorch's defaults, as the head language says.
    private const double Epsilon = 1e-5;
    private const float ShortestLength = 1e-12f;

    /// <summary>Writes the head's nodes.</summary>
    /// <param name="layer">The tensor that it reads.</param>
    /// <param name="isMap">Whether that is [N, C, H, W]; otherwise [N, C].</param>
    /// <returns>The logits' tensor, [N, outputs].</returns>
    public string Write(string layer, bool isMap)
    {
        var (tensor, map) = (layer, isMap);
        if (isMap && plan.Input.IsVector)
            (tensor, map) = (FlattenIt("layer_vector", tensor), false);
        foreach (var planned in plan.Pieces)
        {
            tensor = Write(planned, tensor, map);
            var isStillMap = map && !planned.Output.IsVector;
            if (map && !isStillMap && planned.Piece is not Flatten)
                tensor = FlattenIt($"{planned.Name}_vector", tensor);
            map = isStillMap;
        }

        return tensor;
    }

    private string Write(PlannedPiece planned, string input, bool isMap)
    {
        var name = planned.Name;
        return planned.Piece switch
        {
            Flatten => isMap ? FlattenIt(name, input) : input,
            GlobalAveragePool => isMap ? nodes.Add("GlobalAveragePool", name, [input]) : input,
            GlobalMaxPool => isMap ? nodes.Add("GlobalMaxPool", name, [input]) : input,
            AveragePool pool => isMap
                ? nodes.Add(
                    "AveragePool", name, [input], Ints("kernel_shape", pool.Window, pool.Window), Ints("strides", pool.Window, pool.Window))
                : input,
            Dropout => input,
            L2Norm => Scaled(name, input),
            LayerNorm => Normalised(planned, input),
            BatchNorm => Shifted(planned, input, isMap),
            Dense dense => Activated(dense.Activation, name, Product(name, input)),
            _ => throw new ArgumentException($"no operators for {planned.Piece}", nameof(planned)),
        };
    }

    private string Product(string name, string input) =>
        nodes.Add("Gemm", name, [input, Parameter($"{name}.weight"), Parameter($"{name}.bias")], Int("transB", 1));

    private string FlattenIt(string name, string input) => nodes.Add("Flatten", name, [input], Int("axis", 1));

    private string Activated(Activation activation, string name, string input)
    {
        var output = $"{name}_{activation.Word()}";
        switch (activation)
        {
            case Activation.Linear:
                return input;
            case Activation.Relu:
                return nodes.Add("Relu", output, [input]);
            case Activation.Elu:
                return nodes.Add("Elu", output, [input]);
            case Activation.Tanh:
                return nodes.Add("Tanh", output, [input]);
            case Activation.Sigmoid:
                return nodes.Add("Sigmoid", output, [input]);
            case Activation.Silu:
                return nodes.Add("Mul", output, [input, nodes.Add("Sigmoid", $"{output}_gate", [input])]);
            case Activation.Gelu:
                // x (1 + erf(x / sqrt 2)) / 2; an operator of that name there is from version 20 on only.
                var scaled = nodes.Add("Mul", $"{output}_scaled", [input, nodes.Floats($"{output}_sqrt_half", [MathF.Sqrt(0.5f)])]);
                var error = nodes.ErrorFunction($"{output}_erf", scaled);
                var gate = nodes.Add("Add", $"{output}_gate", [error, nodes.Floats($"{output}_one", [1])]);
                var half = nodes.Add("Mul", $"{output}_half", [input, nodes.Floats($"{output}_one_half", [0.5f])]);
                return nodes.Add("Mul", output, [half, gate]);
            default:
                throw new ArgumentOutOfRangeException(nameof(activation), activation, "no operators");
        }
    }

    // x / max(|x|, 1e-12)
    private string Scaled(string name, string input)
    {
        var length = nodes.Reduce("ReduceL2", $"{name}_length", input, axis: 1);
        return nodes.Add("Div", name, [input, nodes.AtLeast($"{name}_divisor", length, ShortestLength)]);
    }

    private string Normalised(PlannedPiece planned, string input)
    {
        var name = planned.Name;
        var centred = nodes.Add("Sub", $"{name}_centred", [input, nodes.Reduce("ReduceMean", $"{name}_mean", input, axis: 1)]);
        var variance = nodes.Reduce("ReduceMean", $"{name}_variance", nodes.Add("Mul", $"{name}_squares", [centred, centred]), axis: 1);
        var raised = nodes.Add("Add", $"{name}_variance_and_epsilon", [variance, nodes.Floats($"{name}_epsilon", [(float)Epsilon])]);
        var deviation = nodes.Add("Sqrt", $"{name}_deviation", [raised]);
        var normalised = nodes.Add("Div", $"{name}_normalised", [centred, deviation]);
        var scaled = nodes.Add("Mul", $"{name}_scaled", [normalised, Parameter($"{name}.weight")]);
        return nodes.Add("Add", name, [scaled, Parameter($"{name}.bias")]);
    }

    // With statistics that stand still, batch norm is a factor and a summand a channel.
    private string Shifted(PlannedPiece planned, string input, bool isMap)
    {
        var name = planned.Name;
        var (scale, shift, mean, variance) = (Values("weight"), Values("bias"), Values("running_mean"), Values("running_var"));
        var factors = new float[scale.Length];
        var summands = new float[scale.Length];
        for (var c = 0; c < scale.Length; c++)
        {
            var factor = scale[c] / Math.Sqrt(variance[c] + Epsilon);
            (factors[c], summands[c]) = ((float)factor, (float)(shift[c] - (mean[c] * factor)));
        }

        long[] shape = isMap ? [scale.Length, 1, 1] : [scale.Length];
        var scaled = nodes.Add("Mul", $"{name}_scaled", [input, nodes.Floats($"{name}.factor", factors, shape)]);
        return nodes.Add("Add", name, [scaled, nodes.Floats($"{name}.summand", summands, shape)]);

        float[] Values(string parameter) => weights[$"{name}.{parameter}"].Values;
    }

    private string Parameter(string name) => nodes.Floats(name, weights[name].Values, weights[name].Shape);
}
