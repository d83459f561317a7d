using Headstart.Extraction.Prediction;
using Headstart.Extraction.Runtime;
using Headstart.Images;
using Headstart.Models;
using Headstart.Tests.Pipeline;

namespace Headstart.Tests.Prediction;

/// <summary>An exported model asked about pictures: what it says, in which order, and of which pictures it can't say anything.</summary>
public sealed class PredictionRunTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false, null)]
    [InlineData(false, 3)]
    [InlineData(true, null)]
    public async Task Every_picture_gets_its_probabilities_in_the_order_of_the_set(bool isRaw, int? fixedBatch)
    {
        (byte R, byte G, byte B)[] colours = [(200, 100, 0), (0, 128, 255), (10, 20, 30), (90, 200, 90), (255, 0, 0)];
        for (var i = 0; i < colours.Length; i++)
            WriteBmp($"pictures/{i}.bmp", colours[i]);
        var model = isRaw ? DecidingModel.Pixels(_folder) : DecidingModel.Tensors(_folder, fixedBatch);

        var found = await AskAsync(model, _folder.File("pictures"));

        Assert.Equal(colours.Select((_, i) => $"{i}.bmp"), found.Select(f => f.Item.Path));
        foreach (var (image, (r, g, b)) in found.Zip(colours))
        {
            var exponentials = new[] { b, g, r }.Select(v => Math.Exp(v / 25.5)).ToArray();
            for (var c = 0; c < 3; c++)
                Assert.Equal(exponentials[c] / exponentials.Sum(), image.Probabilities![c], 1e-5);
            Assert.Equal(Array.IndexOf(exponentials, exponentials.Max()), image.Class);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_picture_that_cant_be_used_is_told_with_its_reason_and_stops_nothing(bool isRaw)
    {
        WriteBmp("pictures/a.bmp", (255, 0, 0));
        _folder.Write("pictures/b.jpg", "no picture"u8);
        WriteBmp("pictures/c.bmp", (0, 0, 255));

        var found = await AskAsync(isRaw ? DecidingModel.Pixels(_folder) : DecidingModel.Tensors(_folder), _folder.File("pictures"));

        Assert.Equal(["red", null, "blue"], found.Select(f => f.Probabilities is null ? null : DecidingModel.Colours[f.Class]));
        Assert.Contains("not a JPEG", found[1].Rejection, StringComparison.Ordinal);
    }

    [Fact]
    public void A_base_is_refused_with_what_to_do()
    {
        var error = Assert.Throws<CommandException>(
            () => new PredictionRun(TinyNetwork.Write(_folder.File("tiny.onnx")), ExecutionDevice.Cpu, null, 1));
        Assert.Contains("trainer export", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_exported_model_is_refused_where_a_base_is_wanted()
    {
        var error = Assert.Throws<CommandException>(() => ModelFile.LoadBase(DecidingModel.Tensors(_folder).Path));
        Assert.Contains("extractor predict", error.Message, StringComparison.Ordinal);
    }

    private static async Task<List<PredictedImage>> AskAsync(ModelFile model, string images)
    {
        var found = new List<PredictedImage>();
        await new PredictionRun(model, ExecutionDevice.Cpu, null, 2)
            .RunAsync(ImageSet.Open(images), found.Add, TestContext.Current.CancellationToken);
        return found;
    }

    // A lossless picture of one colour, 8 x 8: file header, then BITMAPINFOHEADER, then BGR rows of 24 bytes.
    private void WriteBmp(string name, (byte R, byte G, byte B) colour)
    {
        var file = new byte[54 + (8 * 24)];
        "BM"u8.CopyTo(file);
        BitConverter.TryWriteBytes(file.AsSpan(2), file.Length);
        file[10] = 54;
        file[14] = 40;
        file[18] = 8;
        file[22] = 8;
        file[26] = 1;
        file[28] = 24;
        for (var i = 54; i < file.Length; i += 3)
            (file[i], file[i + 1], file[i + 2]) = (colour.B, colour.G, colour.R);
        _folder.Write(name, file);
    }
}
