using Headstart.Extraction.Demo;
using Headstart.Models;

namespace Headstart.Tests.Demo;

public sealed class DemoBaseTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("headstart-base-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void The_file_in_the_repository_is_what_the_generator_writes()
    {
        var path = Path.Combine(_folder, "base.onnx");
        DemoBase.Write(path);
        Assert.Equal(File.ReadAllBytes(Path.Combine(Repository.Root, "onnx", "demo-base.onnx")), File.ReadAllBytes(path));
    }

    [Fact]
    public void It_is_small_and_says_that_it_is_not_pretrained()
    {
        Assert.True(new FileInfo(Path.Combine(Repository.Root, "onnx", "demo-base.onnx")).Length < 1_000_000);
        var contract = ModelFile.Load(Path.Combine(Repository.Root, "onnx", "demo-base.onnx")).Contract;
        Assert.Contains("not pretrained", contract.Weights.Note, StringComparison.Ordinal);
        Assert.Equal(["block1_pool", "block2_pool", "block3_pool", "block4_pool"], contract.Layers.Select(l => l.Name));
        Assert.Equal(new LayerShape(64, 4, 4), contract.Layers[^1].Shape);
    }

    [Fact]
    public void The_readme_beside_it_names_its_checksum()
    {
        var readme = File.ReadAllText(Path.Combine(Path.GetDirectoryName(Path.Combine(Repository.Root, "onnx", "demo-base.onnx"))!, "README.md"));
        Assert.Contains(ModelFile.Load(Path.Combine(Repository.Root, "onnx", "demo-base.onnx")).Sha256, readme, StringComparison.Ordinal);
    }

    [Fact]
    public void Its_weights_have_the_variance_that_a_relu_network_needs()
    {
        foreach (var tensor in ModelFile.Load(Path.Combine(Repository.Root, "onnx", "demo-base.onnx")).Proto.Graph.Initializer.Where(t => t.Dims.Count == 4))
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
}
