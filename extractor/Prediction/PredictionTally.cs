using System.Globalization;

namespace Headstart.Extraction.Prediction;

/// <summary>Counts predictions, and compares them with the labels of the images where they have some.</summary>
internal sealed class PredictionTally(IReadOnlyList<string> classes)
{
    private int _labelled;
    private int _right;

    public int Images { get; private set; }

    public List<(string Path, string Reason)> Rejected { get; } = [];

    public void Add(PredictedImage image)
    {
        Images++;
        if (image.Rejection is { } reason)
        {
            Rejected.Add((image.Item.Path, reason));
            return;
        }

        if (image.Item.Label is not { } label || !classes.Contains(label))
            return;
        _labelled++;
        if (classes[image.Class] == label)
            _right++;
    }

    /// <summary>A line or two for people.</summary>
    public void Write(TextWriter output, double seconds)
    {
        foreach (var (path, reason) in Rejected)
            output.WriteLine($"rejected {path}: {reason}");
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{Images:N0} {(Images == 1 ? "image" : "images")}, {Rejected.Count:N0} rejected; {seconds:0.0} s, {Images / seconds:0.0} " +
            $"images/s"));
        if (_labelled > 0)
            output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{_right:N0} of {_labelled:N0} as their folder or CSV says: accuracy {(double)_right / _labelled:0.0000}"));
    }
}
