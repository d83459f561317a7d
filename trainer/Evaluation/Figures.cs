using System.Text.Json.Serialization;

namespace Headstart.Trainer.Evaluation;

/// <summary>How well a head does on some rows.</summary>
/// <param name="Loss">Cross-entropy a row, in nats.</param>
/// <param name="Accuracy">0 to 1.</param>
/// <param name="Auc">Area under the ROC curve, see <see cref="RocAuc.Of"/>; null where it isn't defined.</param>
internal sealed record Figures(double Loss, double Accuracy, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? Auc)
{
    /// <param name="predictions">At least one row; what they decide counts as right or wrong.</param>
    public static Figures Of(Predictions predictions) => new(
        Metrics.LogLoss(predictions.LogProbabilities, predictions.Labels),
        predictions.Decided.Zip(predictions.Labels).Count(row => row.First == row.Second) / (double)predictions.Labels.Length,
        RocAuc.Of(predictions.LogProbabilities, predictions.Labels));

    /// <summary>Plain figures: temperature 1, and the most probable class.</summary>
    /// <param name="logits">As the head gives them, row after row.</param>
    /// <param name="labels">One class index a row.</param>
    /// <param name="classes">At least 2.</param>
    /// <param name="classWeights">Multiply the loss of each class's rows; none for unweighted.</param>
    public static Figures FromLogits(
        ReadOnlySpan<float> logits, ReadOnlySpan<int> labels, int classes, ReadOnlySpan<double> classWeights = default)
    {
        var logProbabilities = LogProbabilities.FromLogits(logits, classes);
        return new Figures(
            Metrics.LogLoss(logProbabilities, labels, classWeights),
            Metrics.Accuracy(logProbabilities, labels),
            RocAuc.Of(logProbabilities, labels));
    }
}
