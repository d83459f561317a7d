using System.Diagnostics;
using System.Security.Cryptography;
using Headstart.Images;
using Headstart.Preprocessing;

namespace Headstart.Extraction.Pipeline;

/// <summary>From an image file to the network's input. One for each worker, because the preprocessor keeps buffers.</summary>
internal sealed class ImageLoader(ImagePreprocessing preprocessing, StageTimes times)
{
    private readonly ImagePreprocessor _preprocessor = new(preprocessing);

    /// <summary>Reads, decodes and preprocesses one image.</summary>
    /// <param name="file">The image file.</param>
    /// <param name="chw">Destination of exactly 3 x S x S floats.</param>
    /// <exception cref="ImageRejectedException">The image can't be used; the message is the reason.</exception>
    public DecodedImage Load(string file, Span<float> chw)
    {
        var start = Stopwatch.GetTimestamp();
        var bytes = Read(file);
        var digest = Digest(bytes);
        var image = ImageDecoder.Decode(bytes, preprocessing.Exif);
        start = times.Add(Stage.Decode, start);
        _preprocessor.Apply(image, chw);
        times.Add(Stage.Resize, start);
        return new DecodedImage(digest, image.Width, image.Height);
    }

    /// <summary>SHA-256 of a file's bytes, lower-case hex.</summary>
    /// <exception cref="ImageRejectedException">The file can't be read.</exception>
    public static string Digest(string file) => Digest(Read(file));

    private static string Digest(byte[] bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    private static byte[] Read(string file)
    {
        try
        {
            // Pipes and devices have no length, and opening a pipe would wait for somebody to write into it.
            return new FileInfo(file).Length switch
            {
                0 => throw new ImageRejectedException("the file is empty, or not a regular file"),
                > MaximumFileBytes => throw new ImageRejectedException($"the file is larger than {MaximumFileBytes >> 20} MiB"),
                _ => File.ReadAllBytes(file),
            };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ImageRejectedException($"the file can't be read: {e.Message}");
        }
    }

    private const long MaximumFileBytes = 512L << 20;
}
