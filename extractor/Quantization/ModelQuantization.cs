using Headstart.Extraction.Import;
using Headstart.Extraction.Runtime;
using Headstart.Images;
using Headstart.Models;
using Headstart.Models.Onnx;

namespace Headstart.Extraction.Quantization;

/// <summary>From a float32 model and pictures to an integer model and a report of what it costs.</summary>
internal static class ModelQuantization
{
    // Enough to keep the cores busy, and all tensors of VGG16 for 4 pictures are 240 MB.
    private const int CalibrationBatch = 4;

    /// <summary>A layer below this mean cosine is warned of.</summary>
    public const double CosineBound = 0.999;

    /// <param name="model">In float32.</param>
    /// <param name="images">Pictures of the kind that the model will see.</param>
    /// <param name="progress">Given the number of steps of a stage (a picture looked at once), returns where they are reported.</param>
    /// <exception cref="CommandException">A model that can't be quantised, or pictures that can't be used.</exception>
    public static QuantizedModel Run(
        ModelFile model, ImageSet images, QuantizationOptions options, Func<int, IProgress<int>> progress,
        CancellationToken cancellationToken)
    {
        options.Validate();
        if (model.Contract.Precision != "float32")
            throw new CommandException(
                $"{model.Path} is a model of {model.Contract.Precision}; quantise the float32 model that it was made from.");
        var contract = model.Contract;
        var split = PictureSplit.Of(images, options.Images);
        var pictures = new PictureStream(contract.Preprocessing, contract.FixedBatch ?? CalibrationBatch, options.Threads);
        string[] layers = [.. contract.Layers.Select(l => l.Name)];
        var graph = GraphPreparation.Prepare(model.Proto, layers, model.Path);
        CheckRewriting(model, graph, layers);
        var shapes = Shapes(graph, contract, model.Path);
        var plan = QuantizationPlan.Make(graph, shapes, options.Keep);
        Check(model, plan, options.Keep);

        var calibration = Calibration.Run(
            model, plan, shapes, pictures, split.Calibrate, options.Threads, progress(2 * split.Calibrate.Count), cancellationToken);
        var limit = IntegerInstructions.Limit(options.WeightBits);
        var grids = GridSelection.Choose(plan, calibration, options, limit);
        var convolutions = plan.Nodes.Where(n => n.Node.OpType == "Conv").ToDictionary(
            n => n.Output,
            n => IntegerConvolution.Round(
                plan.Convolutions[n.Node], grids[plan.Root(n.Node.Input[0])], grids[plan.Root(n.Output)], limit,
                calibration.Of(n.Node.Input[0]).Means),
            StringComparer.Ordinal);
        var matched = split.Calibrate.Take(options.MatchMeans).ToArray();
        if (matched.Length > 0)
            new BiasCorrection(model, plan, grids, pictures, options.Threads)
                .Run(convolutions, matched, progress((1 + convolutions.Count) * matched.Length), cancellationToken);

        var integer = IntegerGraph.Write(plan, grids, convolutions);
        var fidelity = Fidelity.Measure(
            model, graph, integer, layers, pictures, split.Judge, options.Threads, progress(split.Judge.Count), cancellationToken);
        var advice = fidelity.Values.All(f => f.MeanCosine >= CosineBound)
            ? []
            : KeepAdvice.Find(model, plan, shapes, options, grids, convolutions, pictures, split.Judge, progress, cancellationToken);
        var calibrated = split.Calibrate.Count(i => !pictures.Rejected.ContainsKey(i.Path));
        contract = contract with
        {
            Name = $"{contract.Name}-int8",
            Architecture = "onnx",
            Precision = "int8",
            Quantization = new QuantizationRecord(
                options.WeightBits, pictures.SetDigest(split.Calibrate), calibrated, model.Sha256, [.. options.Keep]),
            Seal = null,
            Fingerprint = null,
        };
        contract = contract with { Fingerprint = ModelImport.Fingerprint(integer, contract, model.Path) };
        return new QuantizedModel
        {
            Proto = integer,
            Contract = contract,
            Plan = plan,
            Split = split,
            Fidelity = fidelity,
            Advice = advice,
            Rejected = pictures.Rejected,
        };
    }

    /// <summary>A graph that was rewritten for a newer opset must compute what the model's own does.</summary>
    private static void CheckRewriting(ModelFile model, ModelProto prepared, string[] layers)
    {
        var (layer, difference) = GraphComparison.Run(
            model.Proto, prepared, model.Path, [.. layers.Select(l => (l, l))], model.Contract.Preprocessing,
            model.Contract.FixedBatch ?? 1);
        if (difference > GraphComparison.Tolerance)
        {
            throw new CommandException($"{model.Path}: rewritten for ONNX opset {OpsetUpgrade.Target}, layer {layer} computes something " +
                $"else (it differs by {difference:P1}). " +
                $"Export the network again with opset {OpsetUpgrade.Target} or later.");
        }
    }

    private static Dictionary<string, long[]> Shapes(ModelProto graph, ModelContract contract, string path)
    {
        using var probe = GraphProbe.Open(OnnxGraph.CutTo(graph, [.. OnnxGraph.ComputedTensors(graph.Graph)]), path);
        var image = SyntheticInput.Create(contract.Preprocessing, seed: 0);
        var size = contract.Preprocessing.Size;
        var shapes = probe.Run([.. Enumerable.Repeat(image, contract.FixedBatch ?? 1)], size)
            .ToDictionary(o => o.Key, o => o.Value.Shape, StringComparer.Ordinal);
        shapes[OnnxGraph.FedInputs(graph.Graph)[0].Name] = [contract.FixedBatch ?? 1, 3, size, size];
        return shapes;
    }

    private static void Check(ModelFile model, QuantizationPlan plan, IReadOnlyList<string> keep)
    {
        foreach (var name in keep.Where(k => !plan.Names(k)))
        {
            var names =
                plan.Model.Graph.Node.Where(n => n.OpType == "Conv").SelectMany(n => n.Output.Append(n.Name)).Where(n => n.Length > 0);
            throw CommandException.Usage($"--keep {name}: the network has no such layer, convolution or block. The nearest: " +
                $"{string.Join(", ", NearestNames.To(name, names))}.");
        }

        if (plan.Convolutions.Count == 0)
            throw new CommandException($"{model.Path} has no convolution that could be " +
                $"quantised{(keep.Count > 0 ? " besides those of --keep" : "")}: there is nothing to gain.");
    }
}
