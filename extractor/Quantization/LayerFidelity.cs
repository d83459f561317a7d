namespace Headstart.Extraction.Quantization;

/// <summary>How near the integer model's layer is to the float32 model's, over pictures.</summary>
/// <param name="MeanCosine">The mean over pictures of the cosine between the two, all values of the layer taken as one vector.</param>
/// <param name="WorstCosine">That of the picture with the least.</param>
/// <param name="RelativeError">The mean over pictures of the length of the difference, beside the length of the float32 layer.</param>
/// <param name="WorstImage">The picture with the least cosine.</param>
internal sealed record LayerFidelity(double MeanCosine, double WorstCosine, double RelativeError, string WorstImage);

/// <summary>Gathers <see cref="LayerFidelity"/> picture by picture.</summary>
internal sealed class FidelityMeter
{
    private double _cosines;
    private double _errors;
    private double _worst = double.PositiveInfinity;
    private string _worstImage = "";

    public int Images { get; private set; }

    public LayerFidelity Result => new(_cosines / Images, _worst, _errors / Images, _worstImage);

    /// <summary>Adds one picture's values.</summary>
    public void Add(string image, ReadOnlySpan<float> reference, ReadOnlySpan<float> values)
    {
        double product = 0, referenceSquares = 0, squares = 0, difference = 0;
        for (var i = 0; i < reference.Length; i++)
        {
            double a = reference[i], b = values[i];
            product += a * b;
            referenceSquares += a * a;
            squares += b * b;
            difference += (a - b) * (a - b);
        }

        // A layer of zeros is like another one of zeros, and like nothing else.
        var isZero = referenceSquares == 0 || squares == 0;
        var cosine = isZero ? (referenceSquares == squares ? 1 : 0) : product / Math.Sqrt(referenceSquares * squares);
        _cosines += cosine;
        _errors += referenceSquares == 0 ? (squares == 0 ? 0 : 1) : Math.Sqrt(difference / referenceSquares);
        Images++;
        if (cosine < _worst)
            (_worst, _worstImage) = (cosine, image);
    }
}
