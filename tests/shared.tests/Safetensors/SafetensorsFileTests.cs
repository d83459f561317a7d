using System.Text;
using CsCheck;
using Headstart.Safetensors;

namespace Headstart.Tests.Safetensors;

public sealed class SafetensorsFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("headstart-safetensors-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void What_is_written_is_read_back_to_the_bit() => Gen.Single.Array[0, 20].Array[0, 4].Sample(
        arrays =>
        {
            var path = Path.Combine(_folder, "a.safetensors");
            var tensors = arrays.Select((values, i) => new NamedTensor($"t_{i}.weight", [values.Length, 1], values)).ToList();

            SafetensorsFile.Write(path, tensors, new Dictionary<string, string> { ["note"] = "ü" });
            var read = SafetensorsFile.Read(path);

            Assert.Equal(tensors.Count, read.Count);
            foreach (var tensor in tensors)
            {
                Assert.Equal(tensor.Shape, read[tensor.Name].Shape);
                Assert.Equal(
                    tensor.Values.Select(BitConverter.SingleToInt32Bits), read[tensor.Name].Values.Select(BitConverter.SingleToInt32Bits));
            }
        },
        threads: 1,
        iter: 50);

    [Fact]
    public void A_file_laid_out_by_hand_is_read()
    {
        var header = """{"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}   """;
        byte[] bytes = [.. BitConverter.GetBytes((ulong)header.Length), .. Encoding.ASCII.GetBytes(header), 0, 0, 128, 63, 0, 0, 0, 64];
        var path = Path.Combine(_folder, "hand.safetensors");
        File.WriteAllBytes(path, bytes);

        Assert.Equal([1f, 2f], SafetensorsFile.Read(path)["b"].Values);
    }

    [Theory]
    [InlineData("", "0 bytes")]
    [InlineData("\xff\xff\xff\xff\xff\xff\xff\x7f{}", "header claims")]
    [InlineData("\x02\0\0\0\0\0\0\0{]", "header can't be read")]
    [InlineData("\x02\0\0\0\0\0\0\0[]", "header can't be read")]
    public void Damaged_files_are_refused_with_words(string latin1, string words)
    {
        var path = Path.Combine(_folder, "bad.safetensors");
        File.WriteAllBytes(path, Encoding.Latin1.GetBytes(latin1));

        var error = Assert.Throws<CommandException>(() => SafetensorsFile.Read(path));

        Assert.Contains(words, error.Message, StringComparison.Ordinal);
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 0, "'b' should lie at bytes 0 to 8")]
    [InlineData("""{"b":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}""", 8, "'b' has 8 bytes")]
    [InlineData("""{"b":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}""", 8, "'b' should lie at bytes -8 to 0")]
    [InlineData("""{"b":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}}""", 8, "'b' holds F64 values")]
    [InlineData("""{"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"c":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8,
        "'b' and 'c' overlap")]
    [InlineData("""{"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 8,
        "'b' is there twice")]
    [InlineData("""{"__metadata__":{"format":1},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 8, "header can't be read")]
    [InlineData("""{"b":{"dtype":"F32","shape":[2]}}""", 8, "header can't be read")]
    public void Headers_that_lie_are_refused_with_words(string header, int values, string words)
    {
        var path = Path.Combine(_folder, "lie.safetensors");
        File.WriteAllBytes(path, [.. BitConverter.GetBytes((ulong)header.Length), .. Encoding.ASCII.GetBytes(header), .. new byte[values]]);

        Assert.Contains(words, Assert.Throws<CommandException>(() => SafetensorsFile.Read(path)).Message, StringComparison.Ordinal);
    }
}
