using TorchSharp;

namespace Headstart.Tests.Native;

/// <summary>The library in this test's own output folder, put there by trainer/Native/LibTorchSharp.targets.</summary>
public sealed class LibTorchSharpTests
{
    [Fact]
    public void Torch_loads_and_multiplies_matrices()
    {
        using var scope = torch.NewDisposeScope();

        var product = torch.matmul(torch.tensor(new float[,] { { 1, 2 }, { 3, 4 } }), torch.tensor(new float[,] { { 5, 6 }, { 7, 8 } }));

        // Small whole numbers, exact in float32: [1·5+2·7, 1·6+2·8; 3·5+4·7, 3·6+4·8].
        Assert.Equal([19f, 22f, 43f, 50f], product.data<float>().ToArray());
    }
}
