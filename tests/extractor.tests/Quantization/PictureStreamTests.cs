using Headstart.Extraction.Quantization;

namespace Headstart.Tests.Quantization;

public sealed class PictureStreamTests : IDisposable
{
    private const int Pictures = 5;
    private const int PreparedBytes = 3 * 32 * 32 * sizeof(float);

    private readonly QuantizationSample _sample = new(Pictures);

    public void Dispose() => _sample.Dispose();

    [Fact]
    public void Pictures_are_decoded_once_for_all_passes()
    {
        var stream = new PictureStream(QuantizationSample.Preprocessing, batchSize: 2, workers: 2);

        var (first, digest) = Pass(stream);
        foreach (var item in _sample.Images.Items)
            File.WriteAllText(item.File, "another file by now");
        var (second, again) = Pass(stream);

        Assert.Equal(Pictures * PreparedBytes / sizeof(float), first.Count);
        Assert.Equal(first, second);
        Assert.Equal(digest, again);
        Assert.Empty(stream.Rejected);
    }

    [Fact]
    public void What_has_no_room_is_decoded_again_to_the_same_values()
    {
        var kept = new PictureStream(QuantizationSample.Preprocessing, batchSize: 2, workers: 2);
        var tight = new PictureStream(QuantizationSample.Preprocessing, batchSize: 2, workers: 2, room: 2 * PreparedBytes);

        var expected = Pass(kept).Values;
        Assert.Equal(expected, Pass(tight).Values);
        Assert.Equal(expected, Pass(tight).Values);
        foreach (var item in _sample.Images.Items)
            File.WriteAllText(item.File, "another file by now");
        Pass(tight);

        Assert.Equal(Pictures - 2, tight.Rejected.Count);
    }

    private (List<float> Values, string Digest) Pass(PictureStream stream)
    {
        var values = new List<float>();
        var items = _sample.Images.Items;
        stream.Run(
            items,
            (input, slots) =>
            {
                foreach (var slot in slots)
                    values.AddRange(
                        input.GetTensorDataAsSpan<float>().Slice(slot * PreparedBytes / sizeof(float), PreparedBytes / sizeof(float)));
            },
            new Progress<int>(),
            TestContext.Current.CancellationToken);
        return (values, stream.SetDigest(items));
    }
}
