using System.Diagnostics;
using Headstart.Images;
using Headstart.Preprocessing;

namespace Headstart.Extraction.Runtime;

/// <summary>From an image file to the network's input. One for each worker, because the reader keeps buffers.</summary>
internal sealed class ImageLoader(ImagePreprocessing preprocessing, Augmentation? augmentation, DecodingMemory memory, StageTimes times)
{
    private readonly PictureReader _reader = new(preprocessing, augmentation);

    /// <summary>Reads and decodes one image, and writes its views into a batch.</summary>
    /// <param name="batch">Its slots say which views of which image.</param>
    /// <param name="first">The first slot of the image.</param>
    /// <param name="count">How many slots are the image's.</param>
    /// <exception cref="ImageRejectedException">The image can't be used; the message is the reason.</exception>
    public DecodedImage Load(FeatureBatch batch, int first, int count)
    {
        using var share = memory.Open();
        try
        {
            return Load(batch, first, count, share);
        }
        catch (Exception e) when (e is not ImageRejectedException)
        {
            // Whatever a file does to a decoder, the others are still to be computed. A fault of ours rejects them all, and so fails the
            // run.
            throw new ImageRejectedException($"it could not be decoded: {e.GetType().Name}: {e.Message.ReplaceLineEndings(" ")}", e);
        }
    }

    // Of its own, so that the pixels are garbage by the time the share is given back.
    private DecodedImage Load(FeatureBatch batch, int first, int count, DecodingMemory.Share share)
    {
        var start = Stopwatch.GetTimestamp();
        var picture = _reader.Read(batch.Slots[first].Item.File, share);
        start = times.Add(Stage.Decode, start);
        for (var slot = first; slot < first + count; slot++)
            _reader.Prepare(picture, batch.Slots[slot].View, batch.InputOf(slot));
        times.Add(Stage.Resize, start);
        return new DecodedImage(picture.Sha256, picture.Pixels.Width, picture.Pixels.Height);
    }
}
