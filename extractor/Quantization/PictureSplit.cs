using System.Security.Cryptography;
using System.Text;
using Headstart.Images;

namespace Headstart.Extraction.Quantization;

/// <summary>The pictures that calibrate, and those that judge and are not seen before.</summary>
/// <param name="Calibrate">Three quarters.</param>
/// <param name="Judge">One quarter.</param>
internal sealed record PictureSplit(IReadOnlyList<ImageItem> Calibrate, IReadOnlyList<ImageItem> Judge)
{
    private const int OneIn = 4;

    /// <summary>
    /// Draws pictures by their paths: the same set gives the same split, whatever the order of its files, and classes are mixed.
    /// </summary>
    /// <param name="images">The whole set.</param>
    /// <param name="count">At most as many.</param>
    /// <exception cref="CommandException">Too few pictures.</exception>
    public static PictureSplit Of(ImageSet images, int count)
    {
        var drawn = images.Items.OrderBy(i => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(i.Path))), StringComparer.Ordinal)
            .Take(count).ToArray();
        if (drawn.Length < QuantizationOptions.FewestImages)
        {
            throw new CommandException($"{images.Root} has {drawn.Length} images; calibration needs at least " +
                $"{QuantizationOptions.FewestImages}, and works well from about 100. " +
                "Pass more pictures of the kind that the model will see.");
        }

        var judged = drawn.Length / OneIn;
        return new PictureSplit(drawn[judged..], drawn[..judged]);
    }
}
