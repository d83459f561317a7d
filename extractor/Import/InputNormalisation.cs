using Headstart.Models;
using Headstart.Models.Onnx;
using Headstart.Preprocessing;
using DataType = Headstart.Models.Onnx.TensorProto.Types.DataType;
using Dimension = Headstart.Models.Onnx.TensorShapeProto.Types.Dimension;

namespace Headstart.Extraction.Import;

/// <summary>Gives any image network the one input that Headstart feeds: float32, batch x 3 x Size x Size.</summary>
/// <remarks>
/// What the network expects instead is made by nodes in front of it. An NHWC input gets a Transpose. float16 and float64 get a Cast. uint8
/// is rounded to the nearest whole number (halves up), clamped to 0..255 and cast; such a network normalises by itself, so its contract
/// keeps only the preset's resize, crop and channel order.
/// </remarks>
internal static class InputNormalisation
{
    private const string NewInput = "images";

    /// <param name="model">Changed in place.</param>
    /// <param name="path">For messages.</param>
    /// <param name="preset">As the user chose it.</param>
    /// <param name="presetIsNamed">Whether a fixed input size of the network may replace the preset's.</param>
    /// <returns>
    /// The preprocessing of the contract, the batch size that the file declares (null if any), and what was done, in sentences.
    /// </returns>
    /// <exception cref="CommandException">An input that no image can be made into; the message gives its type and shape.</exception>
    public static (ImagePreprocessing Preprocessing, int? DeclaredBatch, IReadOnlyList<string> Notes) Apply(
        ModelProto model, string path, ImagePreprocessing preset, bool presetIsNamed)
    {
        var graph = model.Graph;
        DropInitialisersFromInputs(model);
        var input = OnnxGraph.FedInputs(graph) switch
        {
            [var only] => only,
            [] => throw new CommandException($"{path}: the layers asked for don't depend on any input."),
            var several => throw new CommandException(
                $"{path} has several inputs ({string.Join(", ", several.Select(i => i.Name))}); Headstart feeds one, the image. " +
                "Name a layer that depends on the image alone with --layer."),
        };
        var dims = input.Type?.TensorType?.Shape?.Dim.ToArray() ?? [new(), new(), new(), new()];
        if (dims.Length != 4)
            throw new CommandException($"{path}: input '{input.Name}' has shape {Text(dims)}; an image network's has four dimensions, " +
                "[N, 3, H, W] or [N, H, W, 3].");

        var type = (DataType)(input.Type?.TensorType?.ElemType ?? (int)DataType.Float);
        var channelsLast = Is(dims[3], 3) && !Is(dims[1], 3);
        if (!channelsLast && dims[1].HasDimValue && dims[1].DimValue > 0 && !Is(dims[1], 3))
            throw new CommandException($"{path}: input '{input.Name}' has shape {Text(dims)}; Headstart feeds pictures of 3 channels, " +
                "[N, 3, H, W] or [N, H, W, 3].");

        var notes = new List<string>();
        var preprocessing = Fit(path, preset, presetIsNamed, channelsLast ? dims[1] : dims[2], channelsLast ? dims[2] : dims[3], notes);
        if (type == DataType.Uint8)
        {
            preprocessing = preprocessing with { Preset = "custom", DivideBy = 1, Mean = [0, 0, 0], Std = [1, 1, 1] };
            notes.Add($"The network takes whole pixels (uint8) and normalises by itself: of preset {preset.Preset}, only resize, crop " +
                "and channel order count.");
        }

        if (channelsLast)
            notes.Add("The network takes N x H x W x 3: a Transpose was put in front of it.");
        if (channelsLast || type != DataType.Float)
            PutInFront(model, path, input, type, channelsLast, notes);
        graph.ValueInfo.Clear(); // They may speak of the old batch size, and ONNX Runtime infers them anew.
        graph.Input.Clear();
        graph.Input.Add(
            VggGraph.Describe(channelsLast || type != DataType.Float ? graph.Node[0].Input[0] : input.Name, InputShape(preprocessing)));
        return (preprocessing, dims[0] is { HasDimValue: true, DimValue: > 0 } batch ? (int)batch.DimValue : null, notes);
    }

    public static LayerShape InputShape(ImagePreprocessing preprocessing) => new(3, preprocessing.Size, preprocessing.Size);

    private static ImagePreprocessing Fit(
        string path, ImagePreprocessing preset, bool presetIsNamed, Dimension height, Dimension width, List<string> notes)
    {
        var (h, w) = (Fixed(height), Fixed(width));
        if (h is null && w is null)
            return preset;
        if (h is not null && w is not null && h != w)
            throw new CommandException($"{path} takes images of {h} x {w} pixels (height x width); Headstart makes square ones only.");
        var size = (int)(h ?? w)!.Value;
        if (size == preset.Size)
            return preset;
        if (!presetIsNamed || preset.Resize != ResizeMode.Stretch)
        {
            throw CommandException.Usage(
                $"{path} takes images of {size} x {size} pixels, but preset '{preset.Preset}' makes {preset.Size} x {preset.Size}. " +
                $"Pass --preset FILE.json with \"size\": {size}; 'extractor model info' of any model shows the fields.");
        }

        notes.Add($"The network takes images of {size} x {size} pixels, so preset {preset.Preset} stretches to that instead of " +
            $"{preset.Size} x {preset.Size}.");
        var fitted = preset with { Size = size };
        fitted.Validate();
        return fitted;
    }

    private static void PutInFront(
        ModelProto model, string path, ValueInfoProto input, DataType type, bool channelsLast, List<string> notes)
    {
        var graph = model.Graph;
        var chain = new List<NodeProto>();
        var tensor = OnnxGraph.UnusedName(graph, NewInput);
        switch (type)
        {
            case DataType.Float:
                break;
            case DataType.Uint8:
                // Floor(x + 0.5), because Round came with opset 11 only; Clip's limits moved from attributes to inputs there too.
                Constant("half", 0.5f);
                Add("Add", "half");
                Add("Floor");
                var clip = Add("Clip");
                if (model.OpsetImport.Any(o => o.Domain is "" or "ai.onnx" && o.Version >= 11))
                {
                    clip.Input.AddRange([Constant("low", 0), Constant("high", 255)]);
                }
                else
                {
                    clip.Attribute.Add(new AttributeProto { Name = "min", Type = AttributeProto.Types.AttributeType.Float, F = 0 });
                    clip.Attribute.Add(new AttributeProto { Name = "max", Type = AttributeProto.Types.AttributeType.Float, F = 255 });
                }

                Cast();
                break;
            case DataType.Float16 or DataType.Double:
                notes.Add($"The network takes {type} values: a Cast was put in front of it.");
                Cast();
                break;
            default:
                throw new CommandException(
                    $"{path}: input '{input.Name}' takes {type} values; Headstart can feed float32, float16, float64 and uint8.");
        }

        if (channelsLast)
        {
            var perm = new AttributeProto { Name = "perm", Type = AttributeProto.Types.AttributeType.Ints };
            perm.Ints.AddRange([0, 2, 3, 1]);
            Add("Transpose").Attribute.Add(perm);
        }

        // The last one produces what the network calls its input, so that nothing else changes.
        chain[^1].Output[0] = input.Name;
        var rest = graph.Node.ToArray();
        graph.Node.Clear();
        graph.Node.AddRange(chain);
        graph.Node.AddRange(rest);

        NodeProto Add(string op, string? secondInput = null)
        {
            var node = new NodeProto { OpType = op, Name = OnnxGraph.UnusedName(graph, $"{NewInput}_{op.ToLowerInvariant()}") };
            node.Input.Add(tensor);
            if (secondInput is not null)
                node.Input.Add($"{NewInput}_{secondInput}");
            node.Output.Add(node.Name);
            tensor = node.Name;
            chain.Add(node);
            return node;
        }

        void Cast() =>
            Add("Cast").Attribute.Add(new AttributeProto { Name = "to", Type = AttributeProto.Types.AttributeType.Int, I = (long)type });

        string Constant(string name, float value)
        {
            graph.Initializer.Add(OnnxTensor.FromFloats($"{NewInput}_{name}", [value]));
            return $"{NewInput}_{name}";
        }
    }

    private static void DropInitialisersFromInputs(ModelProto model)
    {
        var fed = OnnxGraph.FedInputs(model.Graph);
        model.Graph.Input.Clear();
        model.Graph.Input.AddRange(fed);
        model.IrVersion = Math.Max(model.IrVersion, 4); // Older ones want every initialiser among the inputs.
    }

    private static long? Fixed(Dimension dimension) => dimension is { HasDimValue: true, DimValue: > 0 } ? dimension.DimValue : null;

    private static bool Is(Dimension dimension, long value) => Fixed(dimension) == value;

    private static string Text(IEnumerable<Dimension> dims) =>
        $"[{string.Join(", ", dims.Select(d => Fixed(d)?.ToString() ?? (d.DimParam.Length > 0 ? d.DimParam : "?")))}]";
}
