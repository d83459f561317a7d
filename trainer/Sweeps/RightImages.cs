using System.Collections;
using Headstart.Trainer.Evaluation;

namespace Headstart.Trainer.Sweeps;

/// <summary>Which images a training got right, as a text that a line of JSON can hold: one bit an image, in base 64.</summary>
internal static class RightImages
{
    public static string Of(Predictions predictions)
    {
        var bits = new BitArray([.. predictions.Decided.Zip(predictions.Labels, (decided, label) => decided == label)]);
        var bytes = new byte[(bits.Length + 7) / 8];
        bits.CopyTo(bytes, 0);
        return Convert.ToBase64String(bytes);
    }

    /// <param name="text">From <see cref="Of"/>.</param>
    /// <param name="images">How many there were.</param>
    public static bool[] Read(string text, int images)
    {
        var bits = new BitArray(Convert.FromBase64String(text)) { Length = images };
        var right = new bool[images];
        bits.CopyTo(right, 0);
        return right;
    }
}
