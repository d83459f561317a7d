using Headstart.Extraction.Runtime;
using Headstart.Images;
using Headstart.Models;
using Headstart.Models.Onnx;
using Microsoft.ML.OnnxRuntime;

namespace Headstart.Extraction.Quantization;

/// <summary>
/// Moves each bias until the integer network's channels have the float32 network's means, from the first convolution to the last.
/// </summary>
/// <remarks>
/// What rounding and clipping take from a channel on average is taken from every picture and every place, and adds up through a deep
/// network where noise does not. Each convolution is corrected in the network whose earlier convolutions are corrected already (Nagel et
/// al. 2019, https://arxiv.org/abs/1906.04721, the empirical kind).
/// </remarks>
internal sealed class BiasCorrection(
    ModelFile model, QuantizationPlan plan, IReadOnlyDictionary<string, Grid> grids, PictureStream pictures, int threads)
{
    // A channel that is almost always saturated can't be moved by its bias.
    private const double LeastActive = 0.05;

    /// <param name="convolutions">By the output of their node; replaced by the corrected ones.</param>
    /// <param name="items">Calibration pictures.</param>
    public void Run(
        Dictionary<string, IntegerConvolution> convolutions, IReadOnlyList<ImageItem> items, IProgress<int> progress,
        CancellationToken cancellationToken)
    {
        string[] outputs = [.. plan.Nodes.Where(n => n.Node.OpType == "Conv").Select(n => n.Output)];
        var expected = ChannelMeans(OnnxGraph.CutTo(plan.Model, outputs), outputs, items, progress, cancellationToken);
        foreach (var output in outputs)
        {
            var computed =
                ChannelMeans(IntegerGraph.Write(plan, grids, convolutions, [output]), [output], items, progress, cancellationToken)[output];
            var node = plan.Nodes.First(n => n.Output == output).Node;
            var grid = grids[plan.Root(output)];
            var input = grids[plan.Root(node.Input[0])];
            var old = convolutions[output];
            var bias = old.Bias.ToArray();
            for (var o = 0; o < bias.Length; o++)
            {
                var unit = (double)input.Scale * old.WeightScales[o] * (grid.Channels?[o] ?? 1);
                var shift = (expected[output].Means[o] - computed.Means[o]) / Math.Max(LeastActive, computed.Active(o, grid));
                bias[o] = (int)Math.Clamp(Math.Round(bias[o] + (shift / unit)), -(1 << 30), 1 << 30);
            }

            convolutions[output] = old with { Bias = bias };
        }
    }

    private Dictionary<string, ChannelSums> ChannelMeans(
        ModelProto graph, string[] tensors, IReadOnlyList<ImageItem> items, IProgress<int> progress, CancellationToken cancellationToken)
    {
        var sums = new Dictionary<string, ChannelSums>(StringComparer.Ordinal);
        var (opened, _) = BaseNetwork.Open(model, graph, ExecutionDevice.Cpu, threads);
        using var session = opened;
        pictures.Run(
            items,
            (input, slots) =>
            {
                using var options = new RunOptions();
                using var results = session.Run(options, session.InputNames, [input], tensors);
                for (var t = 0; t < tensors.Length; t++)
                {
                    var value = results[t];
                    var shape = value.GetTensorTypeAndShape().Shape;
                    if (!sums.TryGetValue(tensors[t], out var sum))
                        sum = sums[tensors[t]] = new ChannelSums((int)shape[1]);
                    var grid = grids[plan.Root(tensors[t])];
                    Parallel.For(
                        0, (int)shape[1], new ParallelOptions { MaxDegreeOfParallelism = threads }, c => sum.Add(c, value, slots, grid));
                }
            },
            progress,
            cancellationToken);
        return sums;
    }

    private sealed class ChannelSums(int channels)
    {
        private readonly double[] _sum = new double[channels];
        private readonly long[] _count = new long[channels];
        private readonly long[] _inside = new long[channels];

        public double[] Means => [.. _sum.Select((s, c) => s / _count[c])];

        public double Active(int channel, Grid grid) => (double)_inside[channel] / _count[channel];

        public void Add(int channel, OrtValue value, IReadOnlyList<int> slots, Grid grid)
        {
            var shape = value.GetTensorTypeAndShape().Shape;
            var area = (int)(shape[2] * shape[3]);
            var values = value.GetTensorDataAsSpan<float>();
            var step = grid.Step(channel);
            var (low, high) = ((-grid.ZeroPoint + 0.5f) * step, (255 - grid.ZeroPoint - 0.5f) * step);
            foreach (var slot in slots)
            {
                foreach (var v in values.Slice(((slot * (int)shape[1]) + channel) * area, area))
                {
                    _sum[channel] += v;
                    if (v > low && v < high)
                        _inside[channel]++;
                }
            }

            _count[channel] += (long)slots.Count * area;
        }
    }
}
