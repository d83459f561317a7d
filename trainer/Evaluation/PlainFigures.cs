using System.Text.Json.Serialization;

namespace Headstart.Trainer.Evaluation;

/// <summary>What a head says as it was trained: temperature 1, and of two classes the second where it is the more probable one. What every
/// epoch's line shows.</summary>
/// <param name="Loss">Cross-entropy a row, in nats.</param>
/// <param name="Accuracy">The fraction of rows whose most probable class is theirs.</param>
/// <param name="Auc">Area under the ROC curve; null where not defined. A temperature changes it for more than two classes.</param>
/// <param name="Ece">See <see cref="CalibrationError"/>.</param>
/// <param name="Confusion"><c>confusion[true][most probable]</c>.</param>
internal sealed record PlainFigures(
    double Loss, double Accuracy, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] double? Auc, double Ece, int[][] Confusion)
{
    /// <param name="logits">As the head gives them, row after row.</param>
    /// <param name="labels">One class index a row.</param>
    /// <param name="classes">At least 2.</param>
    public static PlainFigures Of(ReadOnlySpan<float> logits, int[] labels, int classes)
    {
        var predictions = Predictions.FromLogits(logits, labels, classes);
        var each = new int[labels.Length];
        Array.Fill(each, 1);
        return new PlainFigures(
            Metrics.LogLoss(predictions.LogProbabilities, labels),
            Metrics.Accuracy(predictions.LogProbabilities, labels),
            RocAuc.Of(predictions.LogProbabilities, labels),
            new CalibrationError(predictions).Of(each),
            Metrics.Confusion(labels, predictions.Decided, classes));
    }
}
