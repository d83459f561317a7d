using System.Diagnostics;
using System.Security.Cryptography;
using Headstart.Images;
using Headstart.Preprocessing;

namespace Headstart.Extraction.Pipeline;

/// <summary>From an image file to the network's input. One for each worker, because the preprocessor keeps buffers.</summary>
internal sealed class ImageLoader(ImagePreprocessing preprocessing, DecodingMemory memory, StageTimes times)
{
    // Of smaller files each worker may hold one while it waits for memory to decode it.
    private const long SmallFileBytes = 32L << 20;

    private readonly ImagePreprocessor _preprocessor = new(preprocessing);

    /// <summary>Reads, decodes and preprocesses one image.</summary>
    /// <param name="file">The image file.</param>
    /// <param name="chw">Destination of exactly 3 x S x S floats.</param>
    /// <exception cref="ImageRejectedException">The image can't be used; the message is the reason.</exception>
    public DecodedImage Load(string file, Span<float> chw)
    {
        using var share = memory.Open();
        try
        {
            return Load(file, chw, share);
        }
        catch (Exception e) when (e is not ImageRejectedException)
        {
            // Whatever a file does to a decoder, the others are still to be computed. A fault of ours rejects them all, and so fails the run.
            throw new ImageRejectedException($"it could not be decoded: {e.GetType().Name}: {e.Message.ReplaceLineEndings(" ")}", e);
        }
    }

    /// <summary>SHA-256 of a file's bytes, lower-case hex.</summary>
    /// <exception cref="ImageRejectedException">The file can't be read.</exception>
    public static string Digest(string file)
    {
        using var stream = ImageFile.Open(file);
        return ImageFile.Reading(() => Convert.ToHexStringLower(SHA256.HashData(stream)));
    }

    // Of its own, so that the pixels are garbage by the time the share is given back.
    private DecodedImage Load(string file, Span<float> chw, DecodingMemory.Share share)
    {
        var start = Stopwatch.GetTimestamp();
        var bytes = Read(file, share);
        var digest = Convert.ToHexStringLower(SHA256.HashData(bytes));
        var image = ImageDecoder.Decode(bytes, preprocessing.Exif, share);
        start = times.Add(Stage.Decode, start);
        _preprocessor.Apply(image, chw);
        times.Add(Stage.Resize, start);
        return new DecodedImage(digest, image.Width, image.Height);
    }

    private static byte[] Read(string file, DecodingMemory.Share share)
    {
        using var stream = ImageFile.Open(file);
        return ImageFile.Reading(() =>
        {
            Span<byte> start = stackalloc byte[12];
            ImageDecoder.CheckSignature(start[..stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)]);
            stream.Position = 0;
            if (stream.Length > SmallFileBytes)
                share.TakeAll();
            var bytes = GC.AllocateUninitializedArray<byte>((int)stream.Length);
            stream.ReadExactly(bytes);
            return bytes;
        });
    }
}
