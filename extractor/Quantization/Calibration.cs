using Headstart.Extraction.Runtime;
using Headstart.Images;
using Headstart.Models;
using Microsoft.ML.OnnxRuntime;

namespace Headstart.Extraction.Quantization;

/// <summary>Runs the float32 graph over pictures, twice, and gathers what each tensor holds.</summary>
internal sealed class Calibration
{
    private readonly Dictionary<string, ChannelHistograms> _histograms = new(StringComparer.Ordinal);

    /// <summary>What was seen of a tensor.</summary>
    public ChannelHistograms Of(string tensor) => _histograms[tensor];

    /// <param name="model">For messages and the batch size.</param>
    /// <param name="plan">Says which tensors count: its roots, and what its convolutions read.</param>
    /// <param name="shapes">Of the tensors.</param>
    /// <exception cref="CommandException">Values that are not finite, or no picture that can be used.</exception>
    public static Calibration Run(
        ModelFile model, QuantizationPlan plan, IReadOnlyDictionary<string, long[]> shapes, PictureStream pictures,
        IReadOnlyList<ImageItem> items, int threads,
        IProgress<int> progress, CancellationToken cancellationToken)
    {
        var calibration = new Calibration();
        var inputs = OnnxGraph.FedInputs(plan.Model.Graph).Select(i => i.Name).ToArray();
        string[] tensors = [.. plan.Roots.Concat(plan.Convolutions.Keys.Select(n => n.Input[0])).Distinct().Except(inputs)];
        foreach (var tensor in tensors.Concat(inputs))
            calibration._histograms[tensor] = new ChannelHistograms((int)shapes[tensor][1]);
        var roots = plan.Roots.ToHashSet(StringComparer.Ordinal);
        var (session, _) = BaseNetwork.Open(model, OnnxGraph.CutTo(plan.Model, tensors), ExecutionDevice.Cpu, threads);
        using (session)
        {
            Pass((histograms, channel, values) => histograms.AddRange(channel, values), tensors);
            if (calibration._histograms[inputs[0]].Count(0) == 0)
                throw new CommandException($"None of the {items.Count} images can be used: {pictures.Rejected.Values.First()}.");
            if (calibration._histograms.FirstOrDefault(h => !h.Value.IsFinite).Key is { } broken)
                throw new CommandException($"{model.Path}: tensor {broken} gets values that are not finite. Check the model with " +
                    $"'extractor model verify {model.Path}'.");
            Pass((histograms, channel, values) => histograms.AddValues(channel, values), [.. tensors.Where(roots.Contains)]);
        }

        return calibration;

        void Pass(Action<ChannelHistograms, int, ReadOnlySpan<float>> add, string[] names) => pictures.Run(
            items,
            (input, slots) =>
            {
                using var options = new RunOptions();
                using var results = session.Run(options, inputs, [input], names);
                Gather(inputs[0], input, slots, add);
                for (var i = 0; i < names.Length; i++)
                    Gather(names[i], results[i], slots, add);
            },
            progress,
            cancellationToken);

        void Gather(string tensor, OrtValue value, IReadOnlyList<int> slots, Action<ChannelHistograms, int, ReadOnlySpan<float>> add)
        {
            var histograms = calibration._histograms[tensor];
            var shape = value.GetTensorTypeAndShape().Shape;
            var area = (int)(shape[2] * shape[3]);
            Parallel.For(0, histograms.Channels, new ParallelOptions { MaxDegreeOfParallelism = threads }, channel =>
            {
                var values = value.GetTensorDataAsSpan<float>();
                foreach (var slot in slots)
                    add(histograms, channel, values.Slice(((slot * histograms.Channels) + channel) * area, area));
            });
        }
    }
}
