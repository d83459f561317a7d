using System.Diagnostics;
using System.Globalization;
using Headstart.Models;
using Headstart.Trainer.Features;
using Headstart.Trainer.Heads;
using Headstart.Trainer.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace Headstart.Tests.Training;

public sealed class LinearSolutionTests
{
    private const int Rows = 120;
    private const int Channels = 6;
    private const string Python = "/usr/bin/python3";

    /// <summary>
    /// Prints the kernel of scikit-learn's solution on <see cref="Set"/>, row by row, then the bias. Arguments: classes, l2, class weights.
    /// </summary>
    private const string Script = """
        import sys
        import numpy as np
        from sklearn.linear_model import LogisticRegression
        rows, channels, classes, l2 = 120, 6, int(sys.argv[1]), float(sys.argv[2])
        weights = {c: float(w) for c, w in enumerate(sys.argv[3:])} or None
        x = np.array([[((i * (2 * j + 3) + j * j) % 17 - 8) / 8 for j in range(channels)] for i in range(rows)])
        y = np.array([(i * i * 3 + i * 5 + i // 7) % 11 % classes for i in range(rows)])
        model = LogisticRegression(C=1 / (l2 * rows), class_weight=weights, solver="newton-cg", tol=1e-8, max_iter=1000).fit(x, y)
        for value in (*model.coef_.ravel(), *model.intercept_):
            print(repr(float(value)))
        """;

    // One part in 2^24 of values up to 1 is lost where they are stored as float32.
    private const double Tolerance = 2e-7;

    /// <summary>
    /// Golden values from scikit-learn 1.2.1 (Debian 12's python3-sklearn): python3 -c "the script above" 2 0.01, and so on.
    /// </summary>
    /// <remarks>By newton-cg: its own lbfgs gives up 1e-5 short of the solution, whatever tolerance is asked for.</remarks>
    public static TheoryData<int, double, double[], double[]> Goldens { get; } = new()
    {
        {
            2, 0.01, [],
            [
                0.38128047598357906, -0.09171797160099285, -0.19896616933346184, -0.6560388573821151, -0.24799240496739758,
                -0.17046252803169923,
                -0.2079227182673609,
            ]
        },
        {
            3, 0.001, [],
            [
                0.11370502049958153, 0.34605734910870756, -0.031767999291411116, 0.29766691408089274, -0.04186346559175343,
                0.1066567069635042,
                0.03755847576781514, 0.3179020246284179, -0.3116794293572775, 0.18612723485324406, -0.07474752319565198, 0.3611230438770041,
                -0.15126349626739533, -0.6639593737371279, 0.3434474286486888, -0.483794148934135, 0.11661098878740489,
                -0.46777975084050105,
                0.28351599357092294, 0.020448853178853425, -0.3039648467497731,
            ]
        },
        {
            3, 0.1, [1, 2.5, 0.5],
            [
                0.03588876518075369, 0.09202906559206046, 0.04914561522132143, 0.07362109092107477, -0.0299272103341336,
                -0.03029495037040186,
                0.019922818437168602, 0.08128926214031214, -0.13567315737330363, 0.03687803274292887, -0.04570342352277006,
                0.159005441677927,
                -0.05581158361792171, -0.17331832773237235, 0.08652754215198193, -0.11049912366400375, 0.07563063385690368,
                -0.12871049130752538,
                0.17057378764006526, 0.8270947358206079, -0.9976685234606739,
            ]
        },
    };

    [Theory]
    [MemberData(nameof(Goldens))]
    public void Solution_is_scikit_learns(int classes, double l2, double[] weights, double[] expected)
    {
        var found = Solve(classes, l2, weights);

        Assert.Equal(expected.Length, found.Length);
        for (var i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], found[i], Tolerance);
    }

    /// <summary>Extra: where scikit-learn is installed, other settings than the golden ones.</summary>
    [Theory]
    [InlineData(2, 1.0 / Rows, "")]
    [InlineData(2, 1e-4, "3 0.25")]
    [InlineData(5, 1e-3, "")]
    [InlineData(4, 0.02, "1 2 3 4")]
    public async Task Solution_is_that_of_the_scikit_learn_installed_here(int classes, double l2, string weights)
    {
        Assert.SkipUnless(File.Exists(Python), $"no {Python}");
        var given = weights.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        using var process = Process.Start(new ProcessStartInfo(
            Python, ["-c", Script, $"{classes}", l2.ToString("R", CultureInfo.InvariantCulture), .. given])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.SkipWhen((await error).Contains("ModuleNotFoundError", StringComparison.Ordinal), "scikit-learn is not installed");
        Assert.Equal(0, process.ExitCode);

        var found = Solve(classes, l2, [.. given.Select(w => double.Parse(w, CultureInfo.InvariantCulture))]);

        var expected =
            output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => double.Parse(l, CultureInfo.InvariantCulture)).ToArray();
        Assert.Equal(expected.Length, found.Length);
        for (var i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], found[i], Math.Max(1, Math.Abs(expected[i])) * 1e-6);
    }

    [Fact]
    public void Penalty_is_scikit_learns_default_when_left_out()
    {
        Assert.Equal(Solve(2, 1.0 / Rows, []), Solve(2, null, []));
        Assert.NotEqual(Solve(2, 2.0 / Rows, []), Solve(2, null, []));
    }

    [Fact]
    public void Head_with_a_layer_of_its_own_is_refused_by_name()
    {
        var error = Assert.Throws<CommandException>(() =>
            LinearSolution.RequireLinear(
                HeadPlan.Create(HeadSpec.Parse("gap, dropout(0.5)"), new ModelLayer("l", new LayerShape(4, 2, 2)), 2)));

        Assert.Equal(ExitCode.Usage, error.ExitCode);
        Assert.Contains("has dropout(0.5) in it", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Solving_leaves_no_tensors_behind()
    {
        Solve(3, 0.1, []);
        var before = DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount;

        Solve(3, 0.1, []);

        Assert.Equal(before, DisposeScopeManager.Statistics.TensorStatistics.ThreadTotalLiveCount);
    }

    private static float[] Solve(int classes, double? l2, double[] weights)
    {
        string[] names = [.. Enumerable.Range(0, classes).Select(c => $"class{c}")];
        var classWeights = weights.Length == 0
            ? ClassWeights.None
            : string.Join(',', names.Zip(weights, (n, w) => string.Create(CultureInfo.InvariantCulture, $"{n}={w}")));
        var options = new TrainingOptions { Optimizer = OptimizerChoice.Lbfgs, L2 = l2, ClassWeights = classWeights };
        options.Validate();
        using var train = Set(classes);
        using var head =
            new Head(HeadPlan.Create(HeadSpec.Parse("gap"), new ModelLayer("l", new LayerShape(Channels, 1, 1)), classes), seed: 1, CPU);

        var result = TrainingLoop.Run(
            head, train, train, names, options, _ => { }, TimeProvider.System, null, TestContext.Current.CancellationToken);

        Assert.True(result.Solution!.Converged);
        if (weights.Length == 0)
            Assert.Equal(result.Kept!.Train, result.Kept.Val);
        return [.. head.State.SelectMany(s => s.Value.data<float>().ToArray())];
    }

    private static FeatureSet Set(int classes)
    {
        float Value(int i, int j) => (((i * ((2 * j) + 3)) + (j * j)) % 17 - 8) / 8f;
        return new FeatureSet(
            tensor([.. from i in Enumerable.Range(0, Rows) from j in Enumerable.Range(0, Channels) select Value(i, j)], [Rows, Channels]),
            [.. Enumerable.Range(0, Rows).Select(i => ((i * i * 3) + (i * 5) + (i / 7)) % 11 % classes)]);
    }
}
