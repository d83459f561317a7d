namespace Headstart.Training.Reports;

/// <summary>What was predicted for some rows, and what is true.</summary>
/// <param name="Paths">Relative to the picture folder; n.</param>
/// <param name="Labels">n class indices.</param>
/// <param name="Probabilities">n x k, row-major.</param>
/// <param name="Classes">k names.</param>
internal sealed record Predictions(IReadOnlyList<string> Paths, int[] Labels, double[] Probabilities, IReadOnlyList<string> Classes)
{
    public int Count => Labels.Length;

    /// <summary>The most probable class of a row; of equally probable ones the first.</summary>
    public int Predicted(int row)
    {
        var of = Of(row);
        var best = 0;
        for (var c = 1; c < of.Length; c++)
        {
            if (of[c] > of[best])
                best = c;
        }

        return best;
    }

    /// <summary>The probabilities of a row, a class each.</summary>
    public ReadOnlySpan<double> Of(int row) => Probabilities.AsSpan(row * Classes.Count, Classes.Count);

    /// <summary>One class's probability in every row.</summary>
    public double[] Scores(int c) => [.. Enumerable.Range(0, Count).Select(row => Of(row)[c])];

    /// <summary>Whether each row is of a class.</summary>
    public bool[] Is(int c) => [.. Labels.Select(label => label == c)];

    /// <summary>The wrong rows, those first whose true class seemed least probable.</summary>
    public IEnumerable<int> Worst() =>
        Enumerable.Range(0, Count).Where(row => Predicted(row) != Labels[row]).OrderBy(row => Of(row)[Labels[row]]).ThenBy(row => Paths[row], StringComparer.Ordinal);
}
