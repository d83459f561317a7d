using static TorchSharp.torch;

namespace Headstart.Trainer.Audit;

/// <summary>For each distinct image those that are most like it, by the cosine of their pooled features.</summary>
/// <param name="Count">How many each image has: ten, or all others where there are fewer.</param>
/// <param name="Nearest">Of each image <paramref name="Count"/> numbers of other images, the most similar first.</param>
/// <param name="ClassDistances">Of each image the mean of 1 - cosine to the five nearest of its own class; NaN where it is alone.</param>
internal sealed record Neighbours(int Count, int[] Nearest, double[] ClassDistances)
{
    private const int MostNeighbours = 10;
    private const int OfOwnClass = 5;
    private const int Block = 512;

    // Below every cosine.
    private const float Nothing = -2;

    /// <summary>Compares all with all, 512 images at a time: the memory for it is 512 cosines an image.</summary>
    /// <param name="pooled">float32 [n, c].</param>
    /// <param name="labels">n class numbers.</param>
    public static Neighbours Find(Tensor pooled, int[] labels, CancellationToken cancellationToken)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var n = labels.Length;
        var count = Math.Min(MostNeighbours, n - 1);
        var ofClass = Math.Min(OfOwnClass, n - 1);
        var nearest = new int[n * count];
        var distances = new double[n];
        Array.Fill(distances, double.NaN);
        if (count == 0)
            return new Neighbours(0, [], distances);

        var unit = nn.functional.normalize(pooled, dim: 1);
        var columns = unit.t();
        var classes = tensor(labels, ScalarType.Int32);
        for (var first = 0; first < n; first += Block)
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var step = NewDisposeScope();
            var rows = Math.Min(Block, n - first);
            var cosines = unit.narrow(0, first, rows).matmul(columns);
            cosines.diagonal(offset: first).fill_(Nothing);
            var found = cosines.topk(count).indexes.to(ScalarType.Int32);
            found.data<int>().CopyTo(nearest, first * count);
            cosines.masked_fill_(classes.narrow(0, first, rows).unsqueeze(1).ne(classes), Nothing);
            var own = cosines.topk(ofClass).values.data<float>().ToArray();
            for (var i = 0; i < rows; i++)
            {
                var alike = own.AsSpan(i * ofClass, ofClass).ToArray().Where(c => c > Nothing).ToArray();
                if (alike.Length > 0)
                    distances[first + i] = 1 - alike.Average(c => (double)c);
            }
        }

        return new Neighbours(count, nearest, distances);
    }
}
