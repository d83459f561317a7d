using System.Text.Json.Serialization;

namespace Headstart.Trainer.Evaluation;

/// <summary>Every figure of some predictions, each with its 95 % interval. Also what <c>--json</c> prints: its names are a
/// contract.</summary>
internal sealed record EvaluationReport
{
    public const int Resamples = 1000;

    /// <summary>How many were judged.</summary>
    public required int Rows { get; init; }

    /// <summary>Cross-entropy a row, in nats.</summary>
    public required double Loss { get; init; }

    /// <summary>The fraction of rows whose class was decided for.</summary>
    public required double Accuracy { get; init; }

    /// <summary>Area under the ROC curve: of two classes for the second, of more the mean of each against the rest. Null where not
    /// defined.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public required double? Auc { get; init; }

    /// <summary>Area under the precision-recall curve, likewise.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public required double? AveragePrecision { get; init; }

    /// <summary>See <see cref="CalibrationError"/>.</summary>
    public required double Ece { get; init; }

    /// <summary>Means over the classes that have rows.</summary>
    public required MacroFigures Macro { get; init; }

    /// <summary><c>confusion[true][decided]</c>.</summary>
    public required int[][] Confusion { get; init; }

    /// <summary>Their names, in order.</summary>
    public required IReadOnlyList<string> Classes { get; init; }

    public required IReadOnlyList<ClassFigures> PerClass { get; init; }

    public required OverallIntervals Intervals { get; init; }

    /// <summary>The same rows before temperature and threshold; left out where those were not applied.</summary>
    public PlainFigures? Plain { get; init; }

    /// <summary>What the logits were divided by; left out where they were judged as the head gives them.</summary>
    public double? Temperature { get; init; }

    /// <summary>Where the second of two classes was decided for; left out likewise, and where there are more.</summary>
    public double? Threshold { get; init; }

    /// <summary>How the threshold was chosen.</summary>
    public string? ThresholdRule { get; init; }

    /// <summary>Which rows these are: <c>test</c>, <c>val</c>, <c>train</c> or <c>all</c>.</summary>
    public string? Split { get; init; }

    /// <summary>Images that could not be judged: they have no label, or one that the run doesn't know.</summary>
    public int? LeftOut { get; init; }

    /// <summary>What every reader of the figures must know, from the model that made the features.</summary>
    public string? Note { get; init; }

    /// <param name="predictions">At least one row.</param>
    /// <param name="classes">Their names, in order.</param>
    /// <param name="seed">Of the resampling.</param>
    public static EvaluationReport Of(Predictions predictions, IReadOnlyList<string> classes, long seed = 0)
    {
        var rows = predictions.Labels.Length;
        var weighted = new WeightedFigures(predictions);
        var figures = new double[weighted.Count];
        weighted.Compute(Enumerable.Repeat(1, rows).ToArray(), figures);
        var bootstrap = Bootstrap.Draw(rows, figures.Length, Resamples, seed, weighted.Compute);
        var areas = RankedAreas.Of(predictions);
        var confusion = Metrics.Confusion(predictions.Labels, predictions.Decided, classes.Count);
        var intervals = new FigureIntervals(figures, bootstrap, areas, confusion);
        var perClass = classes.Select((_, c) => intervals.OfClass(c)).ToList();
        return new EvaluationReport
        {
            Rows = rows,
            Loss = figures[(int)WeightedFigures.Overall.Loss],
            Accuracy = figures[(int)WeightedFigures.Overall.Accuracy],
            Auc = Defined(areas.OverallAuc.Value),
            AveragePrecision = Defined(areas.OverallAveragePrecision.Value),
            Ece = figures[(int)WeightedFigures.Overall.Ece],
            Macro = new MacroFigures(
                figures[(int)WeightedFigures.Overall.Precision], figures[(int)WeightedFigures.Overall.Recall],
                figures[(int)WeightedFigures.Overall.F1]),
            Confusion = confusion,
            Classes = classes,
            PerClass = [.. classes.Select((name, c) => new ClassFigures(
                name,
                confusion[c].Sum(),
                Defined(figures[WeightedFigures.Place(c, WeightedFigures.OfClass.Precision)]),
                Defined(figures[WeightedFigures.Place(c, WeightedFigures.OfClass.Recall)]),
                Defined(figures[WeightedFigures.Place(c, WeightedFigures.OfClass.F1)]),
                Defined(areas.Auc[c].Value),
                Defined(areas.AveragePrecision[c].Value),
                perClass[c]))],
            Intervals = intervals.Overall(perClass),
        };
    }

    private static double? Defined(double figure) => double.IsNaN(figure) ? null : figure;
}

/// <summary>Means over the classes that have rows, each class counting the same.</summary>
internal sealed record MacroFigures(double Precision, double Recall, double F1);

/// <summary>One class against the rest; null where not defined, as everything is for a class without rows.</summary>
/// <param name="Class">Its name.</param>
/// <param name="Rows">How many are of this class.</param>
/// <param name="Precision">Of the rows that were decided to be of this class, the part that is; 0 where none was.</param>
/// <param name="Recall">Of the rows of this class, the part that was decided to be.</param>
/// <param name="F1">The harmonic mean of the two.</param>
/// <param name="Auc">Area under the ROC curve.</param>
/// <param name="AveragePrecision">Area under the precision-recall curve.</param>
/// <param name="Intervals">Of these.</param>
internal sealed record ClassFigures(
    string Class,
    int Rows,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? Precision,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? Recall,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? F1,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? Auc,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? AveragePrecision,
    ClassIntervals Intervals);

/// <summary>95 % intervals; left out where there is none.</summary>
internal sealed record OverallIntervals(
    Interval? Loss = null,
    Interval? Accuracy = null,
    Interval? Auc = null,
    Interval? AveragePrecision = null,
    Interval? Ece = null,
    Interval? MacroPrecision = null,
    Interval? MacroRecall = null,
    Interval? MacroF1 = null);

/// <summary>95 % intervals of a class's figures; left out where there is none.</summary>
internal sealed record ClassIntervals(
    Interval? Precision = null, Interval? Recall = null, Interval? F1 = null, Interval? Auc = null, Interval? AveragePrecision = null);
