using System.IO.Compression;
using System.Text;
using Headstart.Extraction.Import;

namespace Headstart.Tests.Import;

/// <summary>Files that are damaged, or made to do harm, end in one error that names the file.</summary>
public sealed class HostileWeightTests : IDisposable
{
    private readonly ImportSample _sample = new();

    public void Dispose() => _sample.Dispose();

    [Fact]
    public void A_header_that_claims_two_to_the_sixtieth_bytes_is_refused() =>
        AssertRefused("big.safetensors", [.. BitConverter.GetBytes(1UL << 60), (byte)'{', (byte)'}', 0, 0],
            "its header claims 1,152,921,504,606,846,976 bytes");

    [Theory]
    [InlineData(
        """{"features.0.weight":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""",
        "overlap")]
    [InlineData(
        """{"features.0.weight":{"dtype":"F32","shape":[9],"data_offsets":[0,36]}}""", "'features.0.weight' should lie at bytes 0 to 36")]
    [InlineData("""{"features.0.weight":{"dtype":"F32","shape":[2],"data_offsets":[9223372036854775800,9223372036854775807]}}""",
        "'features.0.weight' should lie")]
    [InlineData("""{"features.0.weight":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}""", "'features.0.weight' should lie")]
    [InlineData("""{"features.0.weight":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}""", "'features.0.weight' has 8 bytes")]
    [InlineData("""{"features.0.weight":{"dtype":"F32","shape":[-1,-2],"data_offsets":[0,8]}}""", "'features.0.weight' has 8 bytes")]
    [InlineData("""{"features.0.weight":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}""",
        "'features.0.weight' has 0 bytes")]
    [InlineData("""{"features.0.weight":{"dtype":"F32","shape":[2]}}""", "its header can't be read")]
    [InlineData("""{"features.0.weight":5}""", "its header can't be read")]
    [InlineData("""{"features.0.weight":{"dtype":"F32","shape":[2],"data_offsets":[0]}}""", "its header can't be read")]
    [InlineData("""{"features.0.weight":{"dtype":"F32","shape":[1e99],"data_offsets":[0,8]}}""", "its header can't be read")]
    [InlineData("[1,2]", "its header can't be read")]
    [InlineData("{\"a\"", "its header can't be read")]
    public void A_lying_safetensors_header_is_refused(string header, string reason) =>
        AssertRefused("lying.safetensors", WeightFiles.WithHeader(Encoding.UTF8.GetBytes(header), new byte[12]), reason);

    [Fact]
    public void A_safetensors_file_that_is_cut_short_is_refused_wherever_it_is_cut()
    {
        var whole = WeightFiles.Safetensors(WeightFiles.TorchTensors());
        foreach (var length in new[] { 0, 7, 9, 100, 1000, whole.Length / 2, whole.Length - 1 })
            AssertRefused("cut.safetensors", whole[..length], "not a whole safetensors file");
    }

    [Fact]
    public void An_hdf5_file_that_is_cut_short_is_refused_wherever_it_is_cut()
    {
        var path = _sample.Folder.File("whole.h5");
        WeightFiles.WriteKeras(path, (layer, kind) => $"{layer}/{kind}:0");
        var whole = File.ReadAllBytes(path);
        foreach (var length in new[] { 8, 50, 500, 5000, whole.Length / 2, whole.Length * 3 / 4 })
            AssertRefused("cut.h5", whole[..length], "cut.h5");
    }

    // Written by h5py 3.7 with libver="latest": f.attrs["layer_names"] = [b"block1_conv1"], and f["block1_conv1"] is
    // SoftLink("/block1_conv1").
    private const string Circle =
        "H4sIAAAAAAACA+v0cHHj5ZLiYubgYICB/1DwEMo3gNLfp6RF+3u4BDEpqG5myUbG05iEkDXCABcTAyMDg6gQAwumHI8t" +
        "AwMzAw8DB4MIA0NOYmVqUXxeYm5qMYMwUAsP0DAmRiCA2gyj" +
        "k3Lyk7MN45Pz88oM2eSB4hyMPMhivAz6yNxN79O4AZkXQEfhAAAA";

    // The same with ExternalLink("outside.h5", "/block1_conv1").
    private const string Outside =
        "H4sIAAAAAAACA+v0cHHj5ZLiYubgYICB/1DwDso3gNJlb6+z+nu4BDEpqG5myUbGi5mEkDXCABcTAyMDg6gQAwumHI8t" +
        "AwMzAw8DB4MIA0NOYmVqUXxeYm5qMYMwUAsP0DAmRiCA2gyj" +
        "k3Lyk7MN45Pz88oM2XSA4hwOPMhiUgwM+aUlxZkpqXoZpgz6yFIMRx3u/gUAvMx8Ie4AAAA=";

    [Fact]
    public void A_link_that_leads_to_itself_is_refused() => AssertRefused("circle.h5", Unpack(Circle), "block1_conv1");

    [Fact]
    public void A_link_to_another_file_is_refused() => AssertRefused("outside.h5", Unpack(Outside), "link to another file (outside.h5)");

    [Theory]
    [InlineData("model.pth", new byte[] { (byte)'P', (byte)'K', 3, 4, 0, 0 })]
    [InlineData("model.safetensors", new byte[] { 0x80, 2, (byte)'}', (byte)'q', 0 })]
    [InlineData("pytorch_model.bin", new byte[] { 1, 2, 3, 4 })]
    public void A_pickle_is_never_read_and_its_owner_hears_how_to_convert_it(string name, byte[] content) =>
        AssertRefused(name, content, "scripts/export_vgg16.py");

    [Fact]
    public void Something_else_altogether_is_refused() =>
        AssertRefused("photo.jpg", [0xFF, 0xD8, 0xFF, 0xE0, 0, 16], "is not a weight file that Headstart knows");

    [Fact]
    public void An_onnx_file_that_is_cut_short_is_refused() =>
        AssertRefused("cut.onnx", [0x08, 0x08, 0x3A, 0xFF, 0xFF, 0x03, 1], "not an ONNX model");

    private void AssertRefused(string name, byte[] content, string reason)
    {
        var error = Assert.Throws<CommandException>(
            () => ModelImport.Run(_sample.Options(_sample.Folder.Write(name, content)) with { Architecture = "vgg16" }));

        Assert.Contains(reason, error.Message);
        Assert.Contains(name, error.Message);
    }

    private static byte[] Unpack(string base64)
    {
        using var unpacked = new MemoryStream();
        using var packed = new GZipStream(new MemoryStream(Convert.FromBase64String(base64)), CompressionMode.Decompress);
        packed.CopyTo(unpacked);
        return unpacked.ToArray();
    }
}
