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
        Assert.Equal(File.ReadAllBytes(RepositoryFile()), File.ReadAllBytes(path));
    }

    [Fact]
    public void It_is_small_and_says_that_it_is_not_pretrained()
    {
        Assert.True(new FileInfo(RepositoryFile()).Length < 1_000_000);
        var contract = ModelFile.Load(RepositoryFile()).Contract;
        Assert.Contains("not pretrained", contract.Weights.Note, StringComparison.Ordinal);
        Assert.Equal(["block1_pool", "block2_pool", "block3_pool", "block4_pool"], contract.Layers.Select(l => l.Name));
        Assert.Equal(new LayerShape(64, 4, 4), contract.Layers[^1].Shape);
    }

    [Fact]
    public void The_readme_beside_it_names_its_checksum()
    {
        var readme = File.ReadAllText(Path.Combine(Path.GetDirectoryName(RepositoryFile())!, "README.md"));
        Assert.Contains(ModelFile.Load(RepositoryFile()).Sha256, readme, StringComparison.Ordinal);
    }

    [Fact]
    public void Its_weights_have_the_variance_that_a_relu_network_needs()
    {
        foreach (var tensor in ModelFile.Load(RepositoryFile()).Proto.Graph.Initializer.Where(t => t.Dims.Count == 4))
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

    private static string RepositoryFile()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder!.FullName, "Solution.sln")))
            folder = folder.Parent;
        return Path.Combine(folder.FullName, "onnx", "demo-base.onnx");
    }
}
