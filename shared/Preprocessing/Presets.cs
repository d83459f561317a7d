using System.Text.Json;

namespace Headstart.Preprocessing;

/// <summary>The preprocessing that published weights were trained with.</summary>
public static class Presets
{
    /// <summary>Keras' VGG: <c>image_dataset_from_directory</c>'s resize and <c>vgg16.preprocess_input</c> (caffe mode).</summary>
    public static ImagePreprocessing Keras { get; } = new()
    {
        Preset = "keras",
        Resize = ResizeMode.Stretch,
        Filter = ResizeFilter.Bilinear,
        Channels = ChannelOrder.Bgr,
        DivideBy = 1,
        Mean = [103.939f, 116.779f, 123.68f],
        Std = [1, 1, 1],
    };

    /// <summary>torchvision's <c>ImageClassification(crop_size=224, resize_size=256)</c> on PIL images.</summary>
    public static ImagePreprocessing Torchvision { get; } = new()
    {
        Preset = "torchvision",
        Resize = ResizeMode.ShortSide,
        ShortSide = 256,
        Filter = ResizeFilter.BilinearAntialiased,
        Channels = ChannelOrder.Rgb,
        DivideBy = 255,
        Mean = [0.485f, 0.456f, 0.406f],
        Std = [0.229f, 0.224f, 0.225f],
    };

    /// <summary>Keras' MobileNet V1 and V2: resized as <see cref="Keras"/>, then x / 127.5 - 1 (tf mode).</summary>
    public static ImagePreprocessing Mobilenet { get; } = new()
    {
        Preset = "mobilenet",
        Resize = ResizeMode.Stretch,
        Filter = ResizeFilter.Bilinear,
        Channels = ChannelOrder.Rgb,
        DivideBy = 127.5f,
        Mean = [1, 1, 1],
        Std = [1, 1, 1],
    };

    private static readonly ImagePreprocessing[] All = [Keras, Torchvision, Mobilenet];

    /// <summary>A preset by its name, or from a JSON file with the fields of <see cref="ImagePreprocessing"/>.</summary>
    /// <exception cref="CommandException">No such preset or file, or a file that isn't one.</exception>
    public static ImagePreprocessing Resolve(string nameOrFile)
    {
        if (All.FirstOrDefault(p => p.Preset == nameOrFile) is { } preset)
            return preset;
        if (!File.Exists(nameOrFile))
        {
            throw CommandException.Usage(
                $"No preset '{nameOrFile}', and no such file. Pass --preset {string.Join(", ", All.Select(p => p.Preset))}, " +
                "or a JSON file with the fields that 'extractor model info' shows under preprocessing.");
        }

        try
        {
            var custom = JsonSerializer.Deserialize<ImagePreprocessing>(File.ReadAllText(nameOrFile), HeadstartJson.Strict)
                ?? throw new JsonException("the file holds null");
            custom.Validate();
            return custom;
        }
        catch (JsonException e)
        {
            throw new CommandException($"{nameOrFile} is not a preprocessing file: {e.Message}", cause: e);
        }
    }
}
