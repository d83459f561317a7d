using Headstart.Extraction.Shelf;
using Headstart.Models;
using Headstart.Preprocessing;
using Headstart.Tests.Models;

namespace Headstart.Tests.Shelf;

public sealed class ShelfComparisonTests : IDisposable
{
    private const string Keras = "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5";
    private const string KerasMd5 = "6d6bbae143d832006294945121d1f1fc"; // keras/src/applications/vgg16.py
    private readonly TemporaryFolder _folder = new();

    private ShelfFolder Folder => new(_folder.Path);

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(Keras)]
    [InlineData("renamed.h5")]
    public void Weights_with_the_published_checksum_are_recognised(string file)
    {
        var found = Compare(new WeightsSource(file, Digits('0'), Md5: KerasMd5));

        Assert.Equal(("vgg16", true), (found.Model, found.IsChecked));
        Assert.Contains("is the published one (https://github.com/keras-team", found.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void Weights_under_a_published_name_with_another_checksum_are_an_error_that_gives_both()
    {
        var error = Assert.Throws<CommandException>(() => Compare(new WeightsSource(Keras, Digits('0'), Md5: new string('7', 32))));

        Assert.Contains(new string('7', 32), error.Message, StringComparison.Ordinal);
        Assert.Contains(KerasMd5, error.Message, StringComparison.Ordinal);
        Assert.Contains("extractor model fetch vgg16 --out m.onnx", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Right_weights_with_the_wrong_preprocessing_are_an_error_that_names_the_right_one()
    {
        var error =
            Assert.Throws<CommandException>(() => Compare(new WeightsSource(Keras, Digits('0'), Md5: KerasMd5), Presets.Torchvision));

        Assert.Contains("--preset keras", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Weights_that_the_shelf_does_not_have_are_not_called_checked()
    {
        var found = Compare(new WeightsSource("own.safetensors", Digits('5'), Md5: new string('5', 32)));

        Assert.Equal((null, false), (found.Model, found.IsChecked));
    }

    [Theory]
    [InlineData('a', true)]
    [InlineData('b', false)]
    public void A_base_alone_is_compared_with_what_its_first_fetch_recorded(char digit, bool isSame)
    {
        var model = ModelShelf.Load().Named("vgg16-torchvision");
        var weights = new WeightsSource(ShelfFolder.BaseName(model), Digits(digit));
        Assert.False(Compare(weights, Presets.Torchvision).IsChecked);
        Directory.CreateDirectory(Path.GetDirectoryName(Folder.Record(model))!);
        new FetchRecord(model.Addresses[0], "https://example.org", DateTimeOffset.UnixEpoch, false, BaseSha256: Digits('a'))
            .Write(Folder.Record(model));

        if (isSame)
            Assert.True(Compare(weights, Presets.Torchvision).IsChecked);
        else
            Assert.Contains("record.json records " + Digits('a'),
                Assert.Throws<CommandException>(() => Compare(weights, Presets.Torchvision)).Message, StringComparison.Ordinal);
    }

    private static string Digits(char digit) => new(digit, 64);

    private ShelfComparison Compare(WeightsSource weights, ImagePreprocessing? preprocessing = null) => ShelfComparison.Of(
        OnnxSamples.Contract() with { Weights = weights, Preprocessing = preprocessing ?? Presets.Keras }, "m.onnx", ModelShelf.Load(),
        Folder);
}
