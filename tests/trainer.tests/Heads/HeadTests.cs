using Headstart.Models;
using Headstart.Trainer.Heads;
using TorchSharp;
using static TorchSharp.torch;

namespace Headstart.Tests.Heads;

public sealed class HeadTests
{
    private static readonly ModelLayer Layer = new("block", new LayerShape(6, 4, 5));

    [Fact]
    public void Equal_seeds_give_equal_weights_whatever_else_is_drawn()
    {
        using var first = Create("flatten, dense(16, relu), dropout(0.5), dense(4)", seed: 3);
        manual_seed(99);
        using var noise = rand(100);
        using var second = Create("flatten, dense(16, relu), dropout(0.5), dense(4)", seed: 3);
        using var other = Create("flatten, dense(16, relu), dropout(0.5), dense(4)", seed: 4);

        foreach (var ((name, a), (_, b), (_, c)) in first.State.Zip(second.State, other.State))
        {
            Assert.Equal(Values(a), Values(b));
            if (name.EndsWith(".weight", StringComparison.Ordinal))
                Assert.NotEqual(Values(a), Values(c));
        }
    }

    [Fact]
    public void Kernels_start_Glorot_uniform_and_biases_at_zero()
    {
        using var head = Create("flatten, dense(200, relu)");
        var weight = Values(head.State.Single(s => s.Name == "dense_1.weight").Value);
        var limit = Math.Sqrt(6.0 / (120 + 200));

        Assert.All(weight, w => Assert.InRange(w, -limit, limit));
        Assert.InRange(weight.Max(), 0.99 * limit, limit);
        Assert.InRange(weight.Min(), -limit, -0.99 * limit);
        // 24,000 values: five standard errors.
        Assert.Equal(limit * limit / 3, weight.Average(w => (double)w * w), 0.03 * limit * limit / 3);
        Assert.All(Values(head.State.Single(s => s.Name == "dense_1.bias").Value), b => Assert.Equal(0, b));
    }

    [Fact]
    public void Parameters_have_readable_names_and_the_planned_size()
    {
        using var head = Create("gap, batchnorm, layernorm, dense(7, gelu)", classes: 3);

        Assert.Equal(
            ["batchnorm_1.weight", "batchnorm_1.bias", "layernorm_1.weight", "layernorm_1.bias", "dense_1.weight", "dense_1.bias",
                "output.weight",
                 "output.bias", "batchnorm_1.running_mean", "batchnorm_1.running_var"],
            head.State.Select(s => s.Name));
        Assert.Equal(head.Plan.Parameters, head.Parameters.Sum(p => p.Value.numel()));
    }

    /// <summary>Written out in plain C#, in double, from the definitions.</summary>
    [Theory]
    [InlineData("flatten")]
    [InlineData("gap")]
    [InlineData("gmp")]
    [InlineData("gap, l2norm")]
    [InlineData("avgpool(2), flatten")]
    [InlineData("avgpool(4), l2norm")] // leaves one value a channel: a vector
    [InlineData("gap, layernorm")]
    public void Pieces_compute_what_their_definition_says(string spec)
    {
        using var head = Create(spec);
        head.IsTraining = false;
        var pixels = Enumerable.Range(0, 6 * 4 * 5).Select(i => (float)Math.Sin(i * 0.7)).ToArray();
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();

        var logit = Values(head.Forward(tensor(pixels, [1, 6, 4, 5]))).Single();

        double At(int c, int y, int x) => pixels[(((c * 4) + y) * 5) + x];
        var window = spec.StartsWith("avgpool(4)", StringComparison.Ordinal) ? 4 : 2;
        double[] vector = spec.Split(',', '(')[0] switch
        {
            "flatten" => [.. pixels.Select(p => (double)p)],
            "gap" => [.. Enumerable.Range(0, 6).Select(c => pixels[(c * 20)..((c + 1) * 20)].Average(p => (double)p))],
            "gmp" => [.. Enumerable.Range(0, 6).Select(c => (double)pixels[(c * 20)..((c + 1) * 20)].Max())],
            _ => [.. from c in Enumerable.Range(0, 6)
                     from y in Enumerable.Range(0, 4 / window)
                     from x in Enumerable.Range(0, 5 / window)
                     select (from dy in Enumerable.Range(0, window)
                             from dx in Enumerable.Range(0, window)
                             select At(c, (y * window) + dy, (x * window) + dx)).Average()],
        };
        if (spec.EndsWith("l2norm", StringComparison.Ordinal))
        {
            var length = Math.Sqrt(vector.Sum(v => v * v));
            vector = [.. vector.Select(v => v / length)];
        }
        else if (spec.EndsWith("layernorm", StringComparison.Ordinal))
        {
            var mean = vector.Average();
            var deviation = Math.Sqrt(vector.Average(v => (v - mean) * (v - mean)) + 1e-5);
            vector = [.. vector.Select(v => (v - mean) / deviation)];
        }

        var weight = Values(head.State.Single(s => s.Name == "output.weight").Value);
        Assert.Equal(vector.Length, weight.Length);
        Assert.Equal(vector.Zip(weight, (v, w) => v * w).Sum(), logit, 1e-5);
    }

    [Fact]
    public void Dropout_drops_in_training_only_and_keeps_the_mean()
    {
        using var dropout = new SeededDropoutModule("d", 0.25, 5, CPU);
        using var scope = NewDisposeScope();
        var input = ones(100_000);

        var dropped = Values(dropout.forward(input));
        dropout.eval();

        Assert.Equal(0.25, dropped.Count(v => v == 0) / 100_000.0, 0.01);
        Assert.All(dropped.Where(v => v != 0), v => Assert.Equal(1 / 0.75f, v));
        Assert.Equal(Values(input), Values(dropout.forward(input)));
    }

    [Fact]
    public void Dense_layer_computes_with_the_parameters_that_it_has_after_it_moved()
    {
        using var layer = new DenseModule("dense", 3, 2, seed: 1);
        using var input = rand(4, 3);
        using var before = layer.forward(input);

        layer.to(ScalarType.Float64); // gives a module other parameters, as a move to a GPU does
        using var after = layer.forward(input.to(ScalarType.Float64));

        Assert.Equal(ScalarType.Float64, layer.Weight.dtype);
        Assert.True(allclose(before.to(ScalarType.Float64), after, rtol: 1e-5, atol: 1e-6));
    }

    [Fact]
    public void Weights_of_another_head_are_refused_and_nothing_changes()
    {
        using var head = Create("flatten, dense(8)");
        using var other = Create("flatten, dense(9)");
        var before = head.State.Select(s => Values(s.Value)).ToList();

        var error =
            Assert.Throws<CommandException>(() => head.Load(other.ToNamedTensors().ToDictionary(t => t.Name), "run/head.safetensors"));

        Assert.Contains("run/head.safetensors: 'dense_1.weight' is [9, 120], and the head 'flatten, dense(8)' needs [8, 120]",
            error.Message, StringComparison.Ordinal);
        Assert.Equal(before, head.State.Select(s => Values(s.Value)));
    }

    private static Head Create(string spec, long seed = 0, int classes = 2) =>
        new(HeadPlan.Create(HeadSpec.Parse(spec), Layer, classes), seed, CPU);

    private static float[] Values(Tensor tensor) => tensor.data<float>().ToArray();
}
