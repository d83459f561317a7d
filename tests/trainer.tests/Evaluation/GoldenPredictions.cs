using Headstart.Trainer.Evaluation;

namespace Headstart.Tests.Evaluation;

/// <summary>
/// Predictions, and what scikit-learn, SciPy and NumPy say of them: metrics.golden.json, which scripts/golden-metrics.py writes.
/// </summary>
internal sealed record GoldenPredictions(string Name, int Classes, int[] Labels, float[] Logits, GoldenFigures Expected)
{
    public static IReadOnlyList<GoldenPredictions> All { get; } = GoldenFile.Read<File>("metrics.golden.json").Cases;

    public static TheoryData<string> Names => [.. All.Select(c => c.Name)];

    public Predictions ToPredictions() => Predictions.FromLogits(Logits, Labels, Classes);

    public static GoldenPredictions Named(string name) => All.Single(c => c.Name == name);

    private sealed record File(string Source, GoldenPredictions[] Cases);
}

internal sealed record GoldenFigures(
    double Loss, double Accuracy, double? Auc, double? AveragePrecision, double Ece, MacroFigures Macro, int[][] Confusion,
    GoldenClass[] PerClass,
    GoldenIntervals AucIntervals, GoldenIntervals AveragePrecisionIntervals, double? Temperature, GoldenThresholds? Thresholds);

/// <summary>Of an area: low and high, or null.</summary>
internal sealed record GoldenIntervals(double[]?[] PerClass, double[]? Overall);

internal sealed record GoldenClass(int Rows, double? Precision, double? Recall, double? F1, double? Auc, double? AveragePrecision);

/// <param name="BestF1">The highest that any threshold reaches.</param>
/// <param name="FalseAlarmsAtRecall95">The fewest that a threshold gives which finds 95 % of the second class.</param>
/// <param name="LeastCost1To5">When a false alarm costs 1 and a miss 5.</param>
internal sealed record GoldenThresholds(double BestF1, int FalseAlarmsAtRecall95, int LeastCost1To5);
