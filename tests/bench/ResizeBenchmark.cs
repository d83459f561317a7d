using Headstart.Images;
using Headstart.Preprocessing;
using NetVips;

namespace Headstart.Bench;

/// <summary>Our resize and normalisation beside NetVips' resize alone, on one picture of 500 x 375.</summary>
internal static class ResizeBenchmark
{
    private const int Repeats = 200;

    public static async Task RunAsync(int rounds)
    {
        var pixels = new byte[500 * 375 * 3];
        new Random(1).NextBytes(pixels);
        var image = new RgbImage(500, 375, pixels);
        NetVips.NetVips.Concurrency = 1;
        var chw = new float[3 * 224 * 224];

        Console.WriteLine("500 x 375 to the network's input of 224 x 224, 1 thread");
        var turns = new Turns(rounds);
        turns.Add("NetVips: resize only (linear, no antialias)", "images",
            () => Repeat(() => Vips(image, 224 / 500.0, 224 / 375.0, antialias: false)));
        turns.Add("ours: keras, to floats", "images", Ours(Presets.Keras));
        turns.Add("NetVips: resize only (linear, antialias)", "images",
            () => Repeat(() => Vips(image, 256 / 375.0, 256 / 375.0, antialias: true)));
        turns.Add("ours: torchvision, exact, to floats", "images", Ours(Presets.Torchvision));
        await turns.RunAsync();

        Func<Task<double>> Ours(ImagePreprocessing preprocessing)
        {
            var preprocessor = new ImagePreprocessor(preprocessing);
            return () => Repeat(() => preprocessor.Apply(image, chw));
        }
    }

    private static void Vips(RgbImage image, double horizontal, double vertical, bool antialias)
    {
        using var source = Image.NewFromMemory(image.Pixels, image.Width, image.Height, 3, Enums.BandFormat.Uchar);
        using var resized = antialias
            ? source.Resize(horizontal, vscale: vertical, kernel: Enums.Kernel.Linear, gap: 0)
            : source.Affine([horizontal, 0, 0, vertical]);
        resized.WriteToMemory<byte>();
    }

    private static Task<double> Repeat(Action work)
    {
        for (var i = 0; i < Repeats; i++)
            work();
        return Task.FromResult((double)Repeats);
    }
}
