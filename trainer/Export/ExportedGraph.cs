using Headstart.Models;
using Headstart.Models.Onnx;
using Headstart.Safetensors;
using Headstart.Trainer.Heads;

namespace Headstart.Trainer.Export;

/// <summary>Base, tuned tensors and head in one graph.</summary>
internal static class ExportedGraph
{
    // Before version 4 of the file format, constants were inputs too; none of this is read by runtimes that old.
    private const int IrVersion = 8;

    /// <summary>The base down to the layer that a head reads, with what a run has tuned.</summary>
    /// <exception cref="CommandException">The tuned tensors don't fit the base.</exception>
    public static ModelProto Base(ModelFile model, string layer, IReadOnlyDictionary<string, NamedTensor> tuned, string runFolder)
    {
        var cut = OnnxGraph.CutTo(model.Proto, [layer]);
        TunedTensors.Splice(cut.Graph, tuned, runFolder, model.Path);
        return cut;
    }

    /// <summary>The whole graph.</summary>
    /// <param name="model">The base.</param>
    /// <param name="cut">From <see cref="Base"/>; it is changed.</param>
    /// <param name="head">With its weights.</param>
    /// <param name="decision">What comes behind the head.</param>
    /// <param name="options">Of the export.</param>
    /// <exception cref="CommandException">A base that can't be joined to the head, or not with these options.</exception>
    public static ModelProto Join(ModelFile model, ModelProto cut, Head head, PredictionContract decision, ExportOptions options)
    {
        var graph = cut.Graph;
        var fed = OnnxGraph.FedInputs(graph);
        var layer = graph.Output[0];
        foreach (var other in graph.Input.Except(fed).ToList())
            graph.Input.Remove(other);
        cut.IrVersion = Math.Max(cut.IrVersion, IrVersion);
        cut.ProducerName = "Headstart";
        foreach (var taken in OnnxGraph.ComputedTensors(graph).Intersect([PredictionContract.Probabilities, PredictionContract.Label])
            .ToList())
            OnnxGraph.Rename(graph, taken, OnnxGraph.UnusedName(graph, $"base_{taken}"));

        var nodes = new GraphNodes(cut, model.Path);
        var weights = head.ToNamedTensors().ToDictionary(t => t.Name, StringComparer.Ordinal);
        var isMap = layer.Type?.TensorType?.Shape?.Dim.Count != 2;
        var logits = new HeadGraph(nodes, head.Plan, weights).Write(layer.Name, isMap);
        DecisionGraph.Write(nodes, graph, logits, decision, options.RawInput ? 1 : model.Contract.FixedBatch);
        if (options.RawInput && model.Contract.FixedBatch is > 1 and var batch)
            throw new CommandException(
                $"{model.Path} takes {batch} images at a time, and --raw-input takes one. Export without --raw-input.");
        if (options.RawInput)
            RawInputGraph.Prepend(cut, fed.Single().Name, model.Contract.Preprocessing, model.Path);
        if (options.Precision == WeightPrecision.Float16)
            Float16Weights.Store(cut.Graph);
        return cut;
    }

    /// <summary>
    /// The contract that goes into the file; beside it stand the parts that other programs want to read, under names of their own.
    /// </summary>
    public static ModelContract Contract(ModelProto proto, ModelFile model, PredictionContract decision, ExportOptions options)
    {
        (string Key, string Value)[] plain =
        [
            ("classes", System.Text.Json.JsonSerializer.Serialize(decision.Classes, HeadstartJson.Compact)),
            ("temperature", System.Text.Json.JsonSerializer.Serialize(decision.Temperature, HeadstartJson.Compact)),
            .. decision.Threshold is { } threshold
                ? [("threshold", System.Text.Json.JsonSerializer.Serialize(threshold, HeadstartJson.Compact))]
                : Array.Empty<(string, string)>(),
        ];
        foreach (var (key, value) in plain)
            proto.MetadataProps.Add(new StringStringEntryProto { Key = key, Value = value });
        return model.Contract with
        {
            Layers = [new ModelLayer(PredictionContract.Probabilities, new LayerShape(decision.Classes.Count, 1, 1))],
            Precision = options.Precision == WeightPrecision.Float16 ? Float16Weights.Precision : model.Contract.Precision,
            Prediction = decision,
            Fingerprint = null,
        };
    }
}
