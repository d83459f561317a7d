using Headstart.Models.Onnx;
using Headstart.Preprocessing;
using static Headstart.Trainer.Export.GraphNodes;
using DataType = Headstart.Models.Onnx.TensorProto.Types.DataType;

namespace Headstart.Trainer.Export;

/// <summary>The contract's resize, crop and normalisation as ONNX operators, for one picture of any size.</summary>
/// <remarks>
/// A resize is two matrix products: each result row is a weighted sum of source rows, then the same for columns. The weights are computed
/// in the graph, from the picture's height and width, in float64 and with the formulas of BilinearResizer and PillowResizer. ONNX' own
/// Resize would not do: its coordinates are float32, it antialiases from version 18 on only, and runtimes differ in it.
/// </remarks>
internal sealed class RawInputGraph
{
    private const int Opset = 11;
    private const string InputName = "image";

    // Pillow counts weights in whole numbers of 2^-22.
    private const int PillowSteps = 1 << 22;

    private readonly GraphNodes _nodes;
    private readonly ImagePreprocessing _preprocessing;
    private readonly bool _isAntialiased;

    private RawInputGraph(GraphNodes nodes, ImagePreprocessing preprocessing)
    {
        _nodes = nodes;
        _preprocessing = preprocessing;
        _isAntialiased = preprocessing.Filter == ResizeFilter.BilinearAntialiased;
    }

    /// <summary>Makes the graph take uint8 [height, width, 3] (RGB) where it took [N, 3, size, size].</summary>
    /// <param name="model">With one fed input; it is changed.</param>
    /// <param name="input">The name of that input.</param>
    /// <param name="path">Its file, for messages.</param>
    /// <exception cref="CommandException">The graph's operators are too old.</exception>
    public static void Prepend(ModelProto model, string input, ImagePreprocessing preprocessing, string path)
    {
        var graph = model.Graph;
        graph.Input.Remove(graph.Input.Single(i => i.Name == input));
        var nodes = new GraphNodes(model, path);
        nodes.Require(Opset, "--raw-input");
        var image = Models.OnnxGraph.UnusedName(graph, InputName);
        new RawInputGraph(nodes, preprocessing).Write(image, input, graph);
        graph.Input.Insert(0, Describe(image));
    }

    private void Write(string image, string output, GraphProto graph)
    {
        var shape = _nodes.Add("Shape", "image_shape", [image]);
        var (height, width) = (Side("height", 0), Side("width", 1));
        var shorter = _nodes.Add("Min", "shorter_side", [height, width]);
        var across = Weights("across", width, shorter, sourceIsRows: true);
        var down = Weights("down", height, shorter, sourceIsRows: false);

        // Across first, as Pillow does: the order decides where it rounds.
        var planes = _nodes.Convert(
            "planes", _nodes.Add("Transpose", "planes_of_bytes", [image], Ints("perm", 2, 0, 1)),
            _isAntialiased ? DataType.Double : DataType.Float);
        var levels = Rounded("resized", _nodes.Add(
            "MatMul", "resized_down", [down, Rounded("resized_rows", _nodes.Add("MatMul", "resized_across", [planes, across]))]));
        var resized = _isAntialiased ? _nodes.Convert("resized_levels", levels, DataType.Float) : levels;
        var ordered = _preprocessing.Channels == ChannelOrder.Rgb
            ? resized
            : _nodes.Add("Gather", "channels_reversed", [resized, _nodes.Whole("blue_green_red", 2, 1, 0)], Int("axis", 0));
        var divided = _nodes.Add("Div", "pixels_divided", [ordered, _nodes.Floats("divide_by", [_preprocessing.DivideBy])]);
        var centred = _nodes.Add("Sub", "pixels_centred", [divided, _nodes.Floats("mean", [.. _preprocessing.Mean], 3, 1, 1)]);
        var normalised = _nodes.Add("Div", "pixels_normalised", [centred, _nodes.Floats("std", [.. _preprocessing.Std], 3, 1, 1)]);
        var prepared =
            _nodes.Add("Reshape", "prepared", [normalised, _nodes.Whole("input_shape", 1, 3, _preprocessing.Size, _preprocessing.Size)]);
        _nodes.Prepend();
        graph.Node.Single(n => n.Output.Contains(prepared)).Output[0] = output;

        string Side(string name, long axis) =>
            _nodes.Convert(name, _nodes.Add("Gather", $"{name}_in_pixels", [shape, _nodes.Number($"{name}_axis", axis)], Int("axis", 0)),
                DataType.Double);
    }

    /// <summary>How much each source pixel counts for each result pixel along one axis: [source, size], or [size, source].</summary>
    private string Weights(string name, string source, string shorter, bool sourceIsRows)
    {
        var size = _preprocessing.Size;
        var (target, start) = TargetAndStart(name, source, shorter);
        long[] alongSource = sourceIsRows ? [-1, 1] : [1, -1];
        long[] alongResult = sourceIsRows ? [1, -1] : [-1, 1];
        var wanted = Op("Add", "wanted", _nodes.Doubles($"{name}_places", [.. Enumerable.Range(0, size).Select(i => i + 0.5)]), start);
        var scale = _isAntialiased ? Op("Div", "scale", source, target) : ScaleAsFloat();
        var centre = Reshaped("centres", Op("Sub", "centre", Op("Mul", "scaled", wanted, scale), Constant("half", 0.5)), alongResult);
        var places =
            Reshaped("pixels", _nodes.Add("Range", $"{name}_range", [Constant("zero", 0), source, Constant("one", 1)]), alongSource);
        return _isAntialiased ? Antialiased() : Bilinear();

        // 1 - distance, of the two neighbours alone; outside the picture its edge goes on.
        string Bilinear()
        {
            var inside =
                Op("Min", "inside", Op("Max", "above", centre, Constant("first", 0)), Op("Sub", "last", source, Constant("one_less", 1)));
            return _nodes.Convert($"{name}_weights", Triangle(Op("Sub", "offsets", places, inside)), DataType.Float);
        }

        // As wide as the reduction; a sum of 1; counted in whole numbers of 2^-22.
        string Antialiased()
        {
            var filter = Op("Max", "filter", scale, Constant("unit", 1));
            var raw = Triangle(Op("Div", "stretched", Op("Sub", "offsets", places, centre), filter));
            var sum = _nodes.Reduce("ReduceSum", $"{name}_sum", raw, sourceIsRows ? 0 : 1);
            var counts = Op("Mul", "counts", Op("Div", "shares", raw, sum), Constant("steps", PillowSteps));
            return _nodes.Add("Floor", $"{name}_weights", [Op("Add", "counts_and_half", counts, Constant("rounding", 0.5))]);
        }

        string Triangle(string offsets) =>
            Op("Max", "triangle", Op("Sub", "falling", Constant("top", 1), _nodes.Add("Abs", $"{name}_distances", [offsets])),
                Constant("bottom", 0));

        // tf.image.resize rounds the scale to float32.
        string ScaleAsFloat()
        {
            var (from, to) =
                (_nodes.Convert($"{name}_source32", source, DataType.Float), _nodes.Convert($"{name}_target32", target, DataType.Float));
            return _nodes.Convert($"{name}_scale", Op("Div", "scale32", from, to), DataType.Double);
        }

        string Op(string operation, string part, params string[] inputs) => _nodes.Add(operation, $"{name}_{part}", inputs);

        string Constant(string part, double value) => _nodes.Doubles($"{name}_{part}", value);

        string Reshaped(string part, string input, long[] shape) => Op("Reshape", part, input, _nodes.Whole($"{name}_{part}_shape", shape));
    }

    /// <summary>How long the axis becomes, and where the crop begins.</summary>
    /// <remarks>As ResizeGeometry: the long side is cut to whole pixels, and the crop's halves go to the even neighbour.</remarks>
    private (string Target, string Start) TargetAndStart(string name, string source, string shorter)
    {
        var size = _nodes.Doubles($"{name}_size", _preprocessing.Size);
        if (_preprocessing.Resize == ResizeMode.Stretch)
            return (size, _nodes.Doubles($"{name}_start", 0));
        var enlarged =
            _nodes.Add("Mul", $"{name}_enlarged", [source, _nodes.Doubles($"{name}_short_side", _preprocessing.ShortSide!.Value)]);
        var target = _nodes.Add("Floor", $"{name}_target", [_nodes.Add("Div", $"{name}_exact_target", [enlarged, shorter])]);
        var margin =
            _nodes.Add("Div", $"{name}_margin", [_nodes.Add("Sub", $"{name}_left_over", [target, size]), _nodes.Doubles($"{name}_two", 2)]);
        return (target, _nodes.Add("Round", $"{name}_start", [margin]));
    }

    // Pillow rounds to whole grey levels after each pass. Its sums are whole numbers, which float64 holds exactly and float32 would not.
    private string Rounded(string name, string sums) => _isAntialiased
        ? _nodes.Add("Floor", $"{name}_whole", [_nodes.Add("Add", $"{name}_and_half", [
            _nodes.Add("Div", $"{name}_levels", [sums, _nodes.Doubles($"{name}_steps", PillowSteps)]),
            _nodes.Doubles($"{name}_half", 0.5)])])
        : sums;

    private static ValueInfoProto Describe(string name)
    {
        var dims = new TensorShapeProto();
        dims.Dim.AddRange([new() { DimParam = "height" }, new() { DimParam = "width" }, new() { DimValue = 3 }]);
        return new ValueInfoProto
        {
            Name = name,
            Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)DataType.Uint8, Shape = dims } },
        };
    }
}
