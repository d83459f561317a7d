using Headstart.Images;

namespace Headstart.Preprocessing;

/// <summary>From picture files to the network's input, one after the other.</summary>
/// <remarks>Keeps its buffers from picture to picture, so it serves one thread at a time; every worker has its own.</remarks>
/// <param name="preprocessing">The model's.</param>
/// <param name="augmentation">From what views are drawn; null where every view is the plain picture.</param>
/// <exception cref="CommandException">A contract that no image could be preprocessed with.</exception>
public sealed class PictureReader(ImagePreprocessing preprocessing, Augmentation? augmentation = null)
{
    private readonly ImagePreprocessor _preprocessor = new(preprocessing);
    private readonly PixelBuffer _pixels = new();

    /// <summary>Reads, hashes and decodes a picture. Its pixels are valid until the next one.</summary>
    /// <inheritdoc cref="DecodedPicture.Read" path="/param"/>
    /// <exception cref="ImageRejectedException">The picture can't be used; the message is the reason.</exception>
    public DecodedPicture Read(string file, DecodingMemory.Share share, Action<string>? check = null) =>
        DecodedPicture.Read(file, preprocessing.Exif, share, _pixels, check);

    /// <summary>Writes a view of a picture in C x H x W order.</summary>
    /// <param name="picture">The one that was read last.</param>
    /// <param name="view">0 for the plain picture.</param>
    /// <param name="chw">Destination of exactly 3 * Size * Size floats; the caller owns it.</param>
    public void Prepare(DecodedPicture picture, int view, Span<float> chw)
    {
        var (sha256, pixels) = picture;
        if (view > 0 && augmentation is not null)
            _preprocessor.Apply(pixels, ImageView.Draw(augmentation, sha256, view, pixels.Width, pixels.Height), chw);
        else
            _preprocessor.Apply(pixels, chw);
    }
}
