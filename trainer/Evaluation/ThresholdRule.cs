using System.Globalization;

namespace Headstart.Trainer.Evaluation;

/// <summary>How sure a head of two classes must be before it says the second: what <c>--threshold</c> means.</summary>
/// <remarks>
/// A number: that probability. <c>f1</c>: the highest F1 of the second class. <c>recall=0.95</c>: as many of the second class are found,
/// with as few false alarms as possible. <c>cost=FP:FN</c>: the least cost, when taking the first class for the second costs FP and the
/// reverse FN. All on validation rows.
/// </remarks>
internal sealed class ThresholdRule
{
    public const string Default = "0.5";
    private const string Recall = "recall=";
    private const string Cost = "cost=";

    // Nearer to 0 and 1 than 1e-7 a float32 probability, which an exported model gives, has no bits left.
    private const double MostLogOdds = 16;

    private readonly double? _fixed;
    private readonly Loss? _loss;
    private readonly double _preferred;

    private ThresholdRule(string text, double? @fixed, Loss? loss = null, double preferred = 0)
    {
        Text = text;
        _fixed = @fixed;
        _loss = loss;
        _preferred = preferred;
    }

    // What is to be small: from the numbers of right and wrong rows above the threshold, and of rows of the second class in all.
    private delegate double Loss(int found, int falseAlarms, int all);

    /// <summary>As it was typed.</summary>
    public string Text { get; }

    /// <exception cref="CommandException">No such rule.</exception>
    public static ThresholdRule Parse(string text)
    {
        if (text == "f1")
            return new ThresholdRule(text, null, (found, falseAlarms, all) => -2.0 * found / (found + falseAlarms + all));
        if (text.StartsWith(Recall, StringComparison.Ordinal) && Number(text[Recall.Length..]) is > 0 and <= 1 and var recall)
            return new ThresholdRule(
                text, null, (found, falseAlarms, all) => found >= recall * all ? falseAlarms + found : double.PositiveInfinity);
        if (text.StartsWith(Cost, StringComparison.Ordinal) && text[Cost.Length..].Split(':') is [var fp, var fn]
            && Number(fp) is > 0 and < double.PositiveInfinity and var falseAlarm
            && Number(fn) is > 0 and < double.PositiveInfinity and var miss)
        {
            return new ThresholdRule(
                text, null, (found, falseAlarms, all) => (falseAlarm * falseAlarms) + (miss * (all - found)), Math.Log(falseAlarm / miss));
        }

        return Number(text) is > 0 and < 1 and var given
            ? new ThresholdRule(text, given)
            : throw CommandException.Usage($"--threshold {text}: give f1, recall=0.95, cost=FP:FN such as cost=1:5, or a probability " +
                $"between 0 and 1, such as {Default}.");
    }

    /// <summary>A threshold decides between two classes; of more, the most probable one is taken.</summary>
    /// <exception cref="CommandException">There are more, and this is not the default.</exception>
    public void RequireTwoClasses(IReadOnlyList<string> classes)
    {
        if (classes.Count > 2 && Text != Default)
            throw CommandException.Usage($"--threshold {Text}: a threshold is for two classes, and there are {classes.Count}. Leave it " +
                "out: the most probable class is taken.");
    }

    /// <summary>To be asked before a training, whose end would be late to find out.</summary>
    /// <exception cref="CommandException">There is a class without rows to fit on.</exception>
    public void RequireBothClasses(IReadOnlyCollection<int> labels)
    {
        if (_loss is not null && labels.Distinct().Count() < 2)
            throw new CommandException($"--threshold {Text}: validation has images of one class only, and it takes both. Give a " +
                $"probability, such as {Default}, or another --val.");
    }

    /// <summary>The threshold, as a probability of the second class.</summary>
    /// <param name="validation">Of two classes, after the temperature.</param>
    /// <returns>
    /// Halfway, in log-odds, between two rows; of equally good places the one nearest to where it would be for perfect probabilities.
    /// </returns>
    /// <exception cref="CommandException">There is a class without rows.</exception>
    public double Fit(Predictions validation)
    {
        if (_fixed is { } given)
            return given;
        RequireBothClasses(validation.Labels);
        var all = validation.Labels.Count(l => l == 1);
        var scores = validation.Labels.Select((_, i) => Math.Clamp(validation.LogOdds(i), -MostLogOdds, MostLogOdds)).ToArray();
        var labels = validation.Labels.ToArray();
        Array.Sort(scores, labels);
        var (best, bestLoss) = (Place(scores[^1], MostLogOdds + 1), _loss!(0, 0, all));
        var (found, falseAlarms) = (0, 0);
        for (var i = scores.Length - 1; i >= 0; i--)
        {
            if (labels[i] == 1)
                found++;
            else
                falseAlarms++;
            var below = i == 0 ? -MostLogOdds - 1 : scores[i - 1];
            if (below == scores[i])
                continue;
            var place = Place(below, scores[i]);
            var loss = _loss(found, falseAlarms, all);
            if (loss < bestLoss || (loss == bestLoss && Math.Abs(place - _preferred) < Math.Abs(best - _preferred)))
                (best, bestLoss) = (place, loss);
        }

        return 1 / (1 + Math.Exp(-best));
    }

    private double Place(double below, double above) => _preferred > below && _preferred < above ? _preferred : (below + above) / 2;

    private static double? Number(string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : null;
}
