using Headstart.Models;
using Headstart.Models.Onnx;
using Headstart.Preprocessing;
using Microsoft.ML.OnnxRuntime.Tensors;
using DataType = Headstart.Models.Onnx.TensorProto.Types.DataType;

namespace Headstart.Extraction.Import;

/// <summary>Makes a model file from any ONNX network that takes one image.</summary>
internal static class OnnxImport
{
    public static ImportedModel From(ImportOptions options, ImagePreprocessing preset, WeightsSource source)
    {
        var original = ModelFile.LoadGraph(options.Weights);
        var moved = OnnxConstants.ToInitialisers(original.Graph);
        OnnxExternalData.Inline(original, options.Weights);
        var notes = new List<string>();
        if (OnnxVggImport.From(options, original, preset, source, notes) is { } vgg)
            return vgg;
        if (moved > 0)
            notes.Add($"{moved} weight tensors stood in Constant nodes or behind Identity: they are initialisers now, like all others.");
        var asked = options.Layers.Count > 0 ? options.Layers : [.. original.Graph.Output.Select(o => o.Name)];
        var model = OnnxGraph.CutTo(original, asked);
        var (preprocessing, declaredBatch, inputNotes) = InputNormalisation.Apply(model, options.Weights, preset, options.PresetIsNamed);
        notes.AddRange(inputNotes);
        foreach (var output in model.Graph.Output)
            output.Type = null; // ONNX Runtime infers it; what the file says may speak of another batch size.
        CastOutputsToFloat(model, options.Weights);

        var (outputs, fixedBatch) = TryBatches(model, options.Weights, preprocessing, declaredBatch);
        if (fixedBatch is { } only)
            notes.Add($"The graph works with batches of {only} only; extraction then runs with that batch.");
        var layers = SelectLayers(model, options, outputs, notes);
        model = OnnxGraph.CutTo(model, [.. layers.Select(l => l.Name)]);
        model.Graph.Input[0] = VggGraph.Describe(model.Graph.Input[0].Name, InputNormalisation.InputShape(preprocessing), fixedBatch);
        foreach (var output in model.Graph.Output)
            output.Type = TensorType(outputs[output.Name].Shape, fixedBatch);

        var contract = new ModelContract
        {
            Name = Path.GetFileNameWithoutExtension(options.Weights),
            Architecture = "onnx",
            Preprocessing = preprocessing,
            Layers = layers,
            Weights = source,
            Precision = model.Graph.Initializer.Any(t => t.DataType == (int)DataType.Float16) ? Float16Weights.Precision : "float32",
            FixedBatch = fixedBatch,
        };
        return new ImportedModel(model, contract, notes);
    }

    /// <summary>The pipeline reads float32: outputs of another floating-point type keep their name and get a Cast.</summary>
    private static void CastOutputsToFloat(ModelProto model, string path)
    {
        Dictionary<string, TensorElementType> types;
        using (var probe = GraphProbe.Open(model, path))
            types = probe.OutputTypes.ToDictionary();
        foreach (var (name, type) in types.Where(t => t.Value is TensorElementType.Float16 or TensorElementType.Double))
        {
            var native = OnnxGraph.UnusedName(model.Graph, $"{name}_{type.ToString().ToLowerInvariant()}");
            OnnxGraph.Rename(model.Graph, name, native);
            model.Graph.Output.Single(o => o.Name == native).Name = name;
            var cast = new NodeProto { OpType = "Cast", Name = OnnxGraph.UnusedName(model.Graph, $"{name}_cast") };
            cast.Input.Add(native);
            cast.Output.Add(name);
            cast.Attribute.Add(new AttributeProto { Name = "to", Type = AttributeProto.Types.AttributeType.Int, I = (long)DataType.Float });
            model.Graph.Node.Add(cast);
        }
    }

    /// <summary>Finds out by trying whether the graph takes any batch size: a batch of two must give what its images give alone.</summary>
    private static (IReadOnlyDictionary<string, ProbeOutput> Outputs, int? FixedBatch) TryBatches(
        ModelProto model, string path, ImagePreprocessing preprocessing, int? declaredBatch)
    {
        var first = SyntheticInput.Create(preprocessing, seed: 0);
        var second = SyntheticInput.Create(preprocessing, seed: 1);
        CommandException? refused = null;
        try
        {
            using var probe = GraphProbe.Open(model, path);
            var alone = probe.Run([first], preprocessing.Size);
            var other = probe.Run([second], preprocessing.Size);
            var together = probe.Run([first, second], preprocessing.Size);
            if (alone.All(o => IsBatchOf(together[o.Key], o.Value, other[o.Key])))
                return (alone, null);
        }
        catch (CommandException e)
        {
            refused = e;
        }

        var only = declaredBatch ?? 1;
        model.Graph.Input[0] = VggGraph.Describe(model.Graph.Input[0].Name, InputNormalisation.InputShape(preprocessing), only);
        using var fixedProbe = GraphProbe.Open(model, path);
        var outputs = fixedProbe.Run([.. Enumerable.Range(0, only).Select(i => i == 0 ? first : second)], preprocessing.Size);
        return outputs.Values.All(o => o.Shape.Length > 0 && o.Shape[0] == only)
            ? (outputs, only)
            : throw refused ?? new CommandException($"{path}: the layers' first dimension is not the batch: " +
                $"{string.Join("; ", outputs.Select(o => $"{o.Key} [{string.Join(", ", o.Value.Shape)}]"))}. Name others with --layer.");
    }

    private static bool IsBatchOf(ProbeOutput together, ProbeOutput first, ProbeOutput second)
    {
        if (first.Shape.Length == 0 || first.Shape[0] != 1 || together.Shape[0] != 2
            || !together.Shape.Skip(1).SequenceEqual(first.Shape.Skip(1)))
            return false;

        // Batches are summed in another order, so the last bits may differ.
        var expected = first.Values.Concat(second.Values);
        var tolerance = 1e-3f * first.Values.Concat(second.Values).Max(Math.Abs);
        return expected.Zip(together.Values).All(pair => Math.Abs(pair.First - pair.Second) <= tolerance);
    }

    private static List<ModelLayer> SelectLayers(
        ModelProto model, ImportOptions options, IReadOnlyDictionary<string, ProbeOutput> outputs, List<string> notes)
    {
        var layers = new List<ModelLayer>();
        foreach (var name in model.Graph.Output.Select(o => o.Name))
        {
            if (outputs.TryGetValue(name, out var output) && ShapeOf(output) is { } shape)
            {
                layers.Add(new ModelLayer(name, shape));
                continue;
            }

            var what = output is null ? "holds no floating-point values" : $"has shape [{string.Join(", ", output.Shape)}]";
            if (options.Layers.Count > 0)
                throw new CommandException(
                    $"{options.Weights}: '{name}' {what}; a layer is [N, C, H, W] or [N, C] of floating-point values.");
            notes.Add($"Output '{name}' {what} and was left out.");
        }

        return layers.Count > 0
            ? layers
            : throw new CommandException(
                $"{options.Weights} has no output that could be a layer ([N, C, H, W] or [N, C]). Name an inner tensor with --layer: " +
                $"{string.Join(", ", OnnxGraph.ComputedTensors(model.Graph).Reverse().Take(5))}.");
    }

    private static LayerShape? ShapeOf(ProbeOutput output) => output.Shape switch
    {
        [_, > 0 and var c, > 0 and var h, > 0 and var w] => new LayerShape((int)c, (int)h, (int)w),
        [_, > 0 and var c] => new LayerShape((int)c, 1, 1),
        _ => null,
    };

    private static TypeProto TensorType(long[] shape, int? batch)
    {
        var dims = new TensorShapeProto();
        dims.Dim.Add(batch is { } n ? new TensorShapeProto.Types.Dimension { DimValue = n } : new() { DimParam = "batch" });
        dims.Dim.AddRange(shape.Skip(1).Select(d => new TensorShapeProto.Types.Dimension { DimValue = d }));
        return new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)DataType.Float, Shape = dims } };
    }
}
