using System.Security.Cryptography;
using Headstart.Extraction.Demo;
using Headstart.Extraction.Runtime;
using Headstart.Models;
using Headstart.Models.Onnx;
using Headstart.Tests.Import;

namespace Headstart.Tests.Demo;

public sealed class DemoBaseTests : IDisposable
{
    private static readonly string[] Layers = ["pixels", "block1_pool", "block2_pool", "block3_pool", "block4_pool"];

    private readonly string _folder = Directory.CreateTempSubdirectory("headstart-base-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void The_base_in_the_repository_is_small_and_says_what_it_was_trained_on()
    {
        Assert.True(new FileInfo(InRepository("demo-base.onnx")).Length < 1_000_000);
        var contract = ModelFile.Load(InRepository("demo-base.onnx")).Contract;
        Assert.Equal(DemoBase.TrainedNote, contract.Weights.Note);
        Assert.Contains("14 classes (disc and spiral not among them)", contract.Weights.Note, StringComparison.Ordinal);
        Assert.Equal(Layers, contract.Layers.Select(l => l.Name));
        Assert.Equal(new LayerShape(64, 4, 4), contract.Layers[^1].Shape);
    }

    [Fact]
    public void The_readme_beside_it_names_its_checksum() =>
        Assert.Contains(
            ModelFile.Load(InRepository("demo-base.onnx")).Sha256, File.ReadAllText(InRepository("README.md")), StringComparison.Ordinal);

    [Fact]
    public void The_seeded_weights_have_the_variance_that_a_relu_network_needs()
    {
        foreach (var tensor in Seeded().Proto.Graph.Initializer.Where(t => t.Dims.Count == 4))
        {
            var values = OnnxTensor.ToFloats(tensor);
            var fanIn = values.Length / tensor.Dims[0];

            // The first layer loses one of nine degrees of freedom to its mean.
            var expected = 2.0 / fanIn * (fanIn == 27 ? 8.0 / 9 : 1);
            Assert.InRange(values.Average(v => v * v) / expected, 0.8, 1.2);
            if (fanIn == 27)
                Assert.All(values.Chunk(9), kernel => Assert.Equal(0, kernel.Sum(), 1e-6f));
        }
    }

    // The checksum is that of the four kernels in the file that this repository had before its base was trained; there numpy's hash of the
    // raw tensors agreed.
    [Fact]
    public void The_seeded_base_has_the_same_kernels_on_every_machine_and_says_that_it_is_not_pretrained()
    {
        Assert.Contains("not pretrained", Seeded().Contract.Weights.Note, StringComparison.Ordinal);
        Assert.Equal("67f9213a957f9417606098302ef94b224e2dca820472e88b85b3a5da2feaf6bd",
            Checksum(Seeded().Proto.Graph.Initializer.Where(t => t.Dims.Count == 4)));
    }

    [Fact]
    public void The_base_in_the_repository_has_the_weights_that_its_contract_names_and_not_the_seeded_ones()
    {
        var trained = ModelFile.Load(InRepository("demo-base.onnx"));
        Assert.Equal(trained.Contract.Weights.Sha256, Checksum(trained.Proto.Graph.Initializer));
        foreach (var (kernel, seeded) in trained.Proto.Graph.Initializer.Zip(Seeded().Proto.Graph.Initializer))
            Assert.NotEqual(OnnxTensor.ToFloats(seeded), OnnxTensor.ToFloats(kernel));
    }

    [Fact]
    public void Its_first_layer_is_the_picture_at_half_its_size()
    {
        using var network =
            BaseNetwork.Load(ModelFile.Load(InRepository("demo-base.onnx")), [DemoBase.Pixels], ExecutionDevice.Cpu, threads: 1);
        using var batch = network.CreateBatch(1);
        var input = batch.InputOf(0);
        for (var i = 0; i < input.Length; i++)
            input[i] = i % 61 - 30;

        network.Run(batch);

        var (half, whole) = (batch.FeaturesOf(0)[0].ToArray(), input.ToArray());
        for (var i = 0; i < half.Length; i++)
        {
            var (row, x) = (i / 32, i % 32);
            var corner = row * 2 * 64 + x * 2;
            Assert.Equal((whole[corner] + whole[corner + 1] + whole[corner + 64] + whole[corner + 65]) / 4, half[i], 1e-5f);
        }
    }

    [Fact]
    public void A_base_made_with_tuned_weights_has_them_all()
    {
        var tuned = Seeded().Proto.Graph.Initializer.ToDictionary(
            t => t.Name, t => (t.Dims.ToArray(), Array.ConvertAll(OnnxTensor.ToFloats(t), v => 2 * v + 1)));
        File.WriteAllBytes(Made("base.safetensors"), WeightFiles.Safetensors(tuned));

        DemoBase.WriteTrained(Made("base.onnx"), Made("base.safetensors"));

        var made = ModelFile.Load(Made("base.onnx")).Proto.Graph.Initializer;
        Assert.Equal(tuned.Count, made.Count);
        Assert.All(made, t => Assert.Equal(tuned[t.Name].Item2, OnnxTensor.ToFloats(t)));
    }

    [Fact]
    public void Weights_of_a_part_of_the_base_are_refused()
    {
        var part = Seeded().Proto.Graph.Initializer.Where(t => !t.Name.StartsWith("block2", StringComparison.Ordinal))
            .ToDictionary(t => t.Name, t => (t.Dims.ToArray(), OnnxTensor.ToFloats(t)));
        File.WriteAllBytes(Made("base.safetensors"), WeightFiles.Safetensors(part));

        var error = Assert.Throws<CommandException>(() => DemoBase.WriteTrained(Made("base.onnx"), Made("base.safetensors")));

        Assert.Contains("no tensor 'block2_conv1.weight' of 1,152 values", error.Message, StringComparison.Ordinal);
    }

    private static string Checksum(IEnumerable<TensorProto> tensors) =>
        Convert.ToHexStringLower(SHA256.HashData([.. tensors.SelectMany(t => t.RawData.ToByteArray())]));

    private static string InRepository(string file) => Path.Combine(Repository.Root, "onnx", file);

    private string Made(string file) => Path.Combine(_folder, file);

    private ModelFile Seeded()
    {
        DemoBase.WriteSeeded(Made("seeded.onnx"));
        return ModelFile.Load(Made("seeded.onnx"));
    }
}
