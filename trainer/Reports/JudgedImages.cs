using Headstart.Trainer.Evaluation;

namespace Headstart.Trainer.Reports;

/// <summary>Images and what was decided of them.</summary>
/// <param name="Paths">Relative to the picture folder; n.</param>
/// <param name="Predictions">Of the same n images.</param>
/// <param name="Classes">Their names.</param>
internal sealed record JudgedImages(IReadOnlyList<string> Paths, Predictions Predictions, IReadOnlyList<string> Classes)
{
    public int Count => Paths.Count;

    public int[] Labels => Predictions.Labels;

    public bool IsRight(int row) => Predictions.Decided[row] == Labels[row];

    public double Probability(int row, int c) => Math.Exp(Predictions.Row(row)[c]);

    /// <summary>One class's score in every row, rising with its probability.</summary>
    public double[] Scores(int c) => [.. Enumerable.Range(0, Count).Select(row => Predictions.Row(row)[c])];

    /// <summary>Whether each row is of a class.</summary>
    public bool[] Is(int c) => [.. Labels.Select(label => label == c)];

    /// <summary>The wrong rows, those first whose true class seemed least probable.</summary>
    public IEnumerable<int> Worst() =>
        Enumerable.Range(0, Count).Where(row => !IsRight(row)).OrderBy(row => Predictions.Row(row)[Labels[row]])
            .ThenBy(row => Paths[row], StringComparer.Ordinal);
}
