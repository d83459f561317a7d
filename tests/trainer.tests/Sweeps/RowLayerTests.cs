using Headstart.Models;
using Headstart.Training.Features;
using Headstart.Training.Heads;
using Headstart.Training.Sweeps;
using static TorchSharp.torch;

namespace Headstart.Tests.Sweeps;

public sealed class RowLayerTests
{
    [Theory]
    [InlineData("dense(7, relu)", 48, 3, true)]
    [InlineData("dropout(0.1)", 48, 3, false)]
    [InlineData("dense(7, relu)", 40, 3, false)] // no whole panels
    [InlineData("dense(7, relu)", 48, 1, false)]
    public void Heads_with_orders_of_their_own_read_their_rows_in_place(string spec, int channels, int orders, bool inPlace)
    {
        var layer = new ModelLayer("pooled", new LayerShape(channels, 1, 1));
        var heads = Enumerable.Range(0, 3).Select(i => new Head(HeadPlan.Create(HeadSpec.Parse(spec), layer, 2), i, CPU)).ToList();
        using var stack = new HeadStack(heads);
        using var features = new FeatureSet(rand(21, channels), new int[21]);

        using var rows = RowLayer.Of(stack, features, orders, 16);

        Assert.Equal(inPlace, rows is not null);
        if (rows is not null)
        {
            int[] drawn = [.. Enumerable.Range(0, 3 * 5).Select(i => (i * 8) % 21)]; // 5 images each: four and one
            using var found = rows.Multiply(drawn);
            using var expected = bmm(features.Features[tensor([.. drawn.Select(r => (long)r)])].view(3, 5, channels), stack.Parameters[0].transpose(1, 2));
            Assert.True(allclose(expected, found, rtol: 1e-5, atol: 1e-6));
            var weight = rand(3, 5, 7);
            (found * weight).sum().backward();
            rows.SetGradient();
            using var gradient = bmm(weight.transpose(1, 2), features.Features[tensor([.. drawn.Select(r => (long)r)])].view(3, 5, channels));
            Assert.True(allclose(gradient, stack.Parameters[0].grad!, rtol: 1e-5, atol: 1e-6));
        }

        heads.ForEach(h => h.Dispose());
    }
}
