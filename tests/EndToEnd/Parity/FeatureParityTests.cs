using System.Globalization;
using System.Runtime.InteropServices;
using DuckDB.NET.Data;
using Headstart.Tests.Programs;

namespace Headstart.Tests.Parity;

/// <summary>From picture files to cached features, beside PIL and torchvision's own VGG16 with the same weights.</summary>
/// <remarks>
/// Extra: skipped where ../shared or Debian's torchvision is missing. <c>scripts/parity-features.py</c> does the same for more pictures and
/// all blocks.
/// </remarks>
[Trait("Category", "Slow")]
public sealed class FeatureParityTests(Vgg16Weights full) : IDisposable
{
    private const string Python = "/usr/bin/python3";

    /// <summary>Fifty times what was measured; docs/PARITY.md has the table.</summary>
    private const double Tolerance = 1e-5;

    private static readonly string[] Layers = ["block1_pool", "block2_pool", "block3_pool"];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("keras")]
    [InlineData("torchvision")]
    public async Task Features_equal_those_of_PIL_and_torchvisions_VGG16(string preset)
    {
        await SkipWithoutTorchvision();
        var (weights, model, cache) = (await full.Torchvision(), _folder.File("vgg16.onnx"), _folder.File("cache"));
        var pictures = Pictures();
        string[] layerOptions = [.. Layers.SelectMany(l => new[] { "--layer", l })];
        (await ProgramRun.Extractor(["model", "import", weights, "--preset", preset, "--out", model, .. layerOptions])).EndedWith(0);
        (await ProgramRun.Extractor("extract", _folder.File("pictures"), "--model", model, "--out", cache)).EndedWith(0);

        foreach (var layer in Layers)
        {
            var reference = await Oracle(weights, preset, layer, pictures);
            var found = await Cached(cache, layer);

            Assert.Equal(pictures.Length, found.Count);
            for (var i = 0; i < pictures.Length; i++)
            {
                var length = reference.Length / pictures.Length;
                var distance = RelativeDistance(found[i], reference.AsSpan(i * length, length));
                Assert.True(distance <= Tolerance, string.Create(CultureInfo.InvariantCulture,
                    $"{preset}, {layer}, {Path.GetFileName(pictures[i])}: {distance:g3}"));
            }
        }
    }

    private static async Task SkipWithoutTorchvision()
    {
        Assert.SkipUnless(File.Exists(Python), $"{Python} isn't there.");
        var run = await ProgramRun.Of(Python, "-c", "import h5py, torch, torchvision, PIL");
        Assert.SkipUnless(run.ExitCode == 0, $"{Python} lacks a module: {run.Error.Trim().Split('\n')[^1]}");
    }

    /// <summary>Three photographs of different sizes, in the order of the cache.</summary>
    private string[] Pictures()
    {
        var photographs = Directory.GetFiles(SharedMaterial.Find("data/cats-dogs/val/cats")).Order(StringComparer.Ordinal).Take(3);
        return [.. photographs.Select(p => _folder.Write(Path.Combine("pictures", Path.GetFileName(p)), File.ReadAllBytes(p)))];
    }

    private async Task<float[]> Oracle(string weights, string preset, string layer, string[] pictures)
    {
        var output = _folder.File("oracle.f32");
        (await ProgramRun.Of(Python, [SharedMaterial.Find("tools/oracle.py"), weights, preset, layer, output, .. pictures])).EndedWith(0);
        return MemoryMarshal.Cast<byte, float>(await File.ReadAllBytesAsync(output, TestContext.Current.CancellationToken)).ToArray();
    }

    private static async Task<List<float[]>> Cached(string cache, string layer)
    {
        await using var connection = new DuckDBConnection("DataSource=:memory:");
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        await using var command = connection.CreateCommand();
        command.CommandText = $"select {layer} from '{cache}/*.parquet' order by path";
        await using var reader = (DuckDBDataReader)await command.ExecuteReaderAsync(TestContext.Current.CancellationToken);
        var rows = new List<float[]>();
        while (await reader.ReadAsync(TestContext.Current.CancellationToken))
            rows.Add([.. reader.GetFieldValue<List<float>>(0)]);
        return rows;
    }

    private static double RelativeDistance(ReadOnlySpan<float> found, ReadOnlySpan<float> expected)
    {
        Assert.Equal(expected.Length, found.Length);
        var (difference, length) = (0.0, 0.0);
        for (var i = 0; i < expected.Length; i++)
        {
            difference += Math.Pow((double)found[i] - expected[i], 2);
            length += Math.Pow(expected[i], 2);
        }

        return Math.Sqrt(difference / length);
    }
}
