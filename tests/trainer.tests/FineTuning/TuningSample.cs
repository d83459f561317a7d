using System.Security.Cryptography;
using Headstart.Cache;
using Headstart.Images;
using Headstart.Models;
using Headstart.Preprocessing;
using Headstart.Tests.Commands;
using Headstart.Trainer.Runs;

namespace Headstart.Tests.FineTuning;

/// <summary>
/// Pictures of two classes, a small VGG11 down to block3_pool, caches of its layers as ONNX Runtime computes them, and a run with a trained
/// head.
/// </summary>
internal sealed class TuningSample
{
    public const string Head = "flatten, dense(8, relu), dropout(0.2)";

    private TuningSample(TemporaryFolder folder, ModelFile model)
    {
        Folder = folder;
        Model = model;
        Program = new TrainerProgram(folder.Path);
    }

    public TemporaryFolder Folder { get; }

    /// <summary><c>vgg.onnx</c>: block1_pool [64, 16, 16], block2_pool [128, 8, 8], block3_pool [256, 4, 4].</summary>
    public ModelFile Model { get; }

    /// <summary>Runs in the folder: <c>pictures</c>, <c>cache</c> (block2_pool and block3_pool), <c>run</c>.</summary>
    public TrainerProgram Program { get; }

    public RunFile Run => RunFolder.Read(Program.At("run"));

    /// <param name="perClass">Pictures a class; a third of them are for validation.</param>
    /// <param name="views">Cached views of each picture beside the plain one.</param>
    public static async Task<TuningSample> CreateAsync(TemporaryFolder folder, int perClass = 18, int views = 0)
    {
        var sample = new TuningSample(folder, VggSample.Write(
            folder, VggArchitecture.Vgg11, ["block1_pool", "block2_pool", "block3_conv1", "block3_pool"], weights: Weights));
        foreach (var label in new[] { "cats", "dogs" })
        {
            for (var i = 0; i < perClass; i++)
                folder.Write($"pictures/{(i % 3 == 0 ? "val" : "train")}/{label}/{i:D3}.jpg", ImageEncoder.Jpeg(Picture(label, i), 90));
        }

        await sample.TrainAsync("cache", "run", views);
        return sample;
    }

    /// <summary>The same pictures and weights under another contract: <c>cache2</c> and <c>run2</c>.</summary>
    public async Task TrainWithAsync(ModelFile model) => await new TuningSample(Folder, model).TrainAsync("cache2", "run2", 0);

    /// <summary>The cache that extraction would write.</summary>
    /// <param name="of">Another model of the same graph; <see cref="Model"/> when null.</param>
    public async Task WriteCacheAsync(string name, string[] layers, int views = 0, bool hasSplits = true, ModelFile? of = null)
    {
        var model = of ?? Model;
        var contract = SyntheticCache.Contract([.. model.Contract.Layers.Where(l => layers.Contains(l.Name))]) with
        {
            Model = model.Contract.Name,
            ModelSha256 = model.Sha256,
            Preprocessing = model.Contract.Preprocessing,
            Augmentation = views > 0 ? new Augmentation { Seed = 5 } : null,
        };
        var preprocessor = new ImagePreprocessor(model.Contract.Preprocessing);
        var graph = OnnxGraph.CutTo(model.Proto, layers);
        var (rows, features) = (new List<CacheRow>(), new Dictionary<(string, int), IReadOnlyDictionary<string, float[]>>());
        foreach (var item in ImageSet.Open(Folder.File("pictures")).Items)
        {
            var bytes = File.ReadAllBytes(item.File);
            var sha256 = Convert.ToHexStringLower(SHA256.HashData(bytes));
            var image = ImageDecoder.Decode(bytes, model.Contract.Preprocessing.Exif);
            for (var view = 0; view <= views; view++)
            {
                var chw = new float[preprocessor.Length];
                if (view == 0)
                    preprocessor.Apply(image, chw);
                else
                    preprocessor.Apply(image, ImageView.Draw(contract.Augmentation!, sha256, view, image.Width, image.Height), chw);
                rows.Add(new CacheRow(item.Path, item.Label, hasSplits ? item.Split : null, sha256, image.Width, image.Height, view));
                features[(item.Path, view)] = OnnxRuntimeReference.Run(graph, chw, VggSample.Size);
            }
        }

        await SyntheticCache.WriteAsync(Program.At(name), contract, rows, (row, layer) => features[(row.Path, row.View)][layer.Name]);
    }

    private async Task TrainAsync(string cache, string run, int views)
    {
        await WriteCacheAsync(cache, ["block2_pool", "block3_pool"], views);
        var (code, _, error) = await Program.TrainAsync(
            cache, "--out", run, "--head", Head, "--epochs", "2", "--batch", "8", "--lr", "1e-3", "--layer", "block3_pool");
        Assert.True(code == 0, error);
    }

    // Pixels are in the hundreds, and nothing normalises them; the gradient of logits as large as that would be 0.
    private static ConvolutionWeights Weights(VggConvolution convolution)
    {
        var weights = VggSample.Seeded(convolution);
        return convolution.Block > 1 ? weights : weights with { Kernel = [.. weights.Kernel.Select(w => w / 200)] };
    }

    // Noise, and a little more red in cats.
    private static RgbImage Picture(string label, int index)
    {
        var (width, height) = (44, 36);
        var random = new SeededRandom(11, label, index);
        var pixels = new byte[width * height * 3];
        for (var i = 0; i < pixels.Length; i++)
            pixels[i] = (byte)(random.NextBelow(200) + (i % 3 == 0 && label == "cats" ? 30 : 0));
        return new RgbImage(width, height, pixels);
    }
}
