using Google.Protobuf;
using Headstart.Extraction.Quantization;
using Headstart.Extraction.Runtime;
using Headstart.Models;
using Microsoft.ML.OnnxRuntime;
using static Headstart.Tests.Models.OnnxSamples;
using DataType = Headstart.Models.Onnx.TensorProto.Types.DataType;

namespace Headstart.Tests.Quantization;

/// <summary>
/// ONNX Runtime's integer convolution beside the operator's definition, computed with whole numbers: every value must be the same.
/// </summary>
/// <remarks>
/// https://onnx.ai/onnx/operators/onnx__QLinearConv.html; the sum is exact, its scaling is one float32 product, rounded half to even.
/// </remarks>
public sealed class IntegerArithmeticTests
{
    private const int Size = 9;

    // Dense, grouped, depthwise; strides; padding with a zero point that is not 0; channel factors on both sides; sums that a 16-bit
    // product would saturate.
    public static TheoryData<int, int, int, int, int, int, int> Cases => new()
    {
        // inputs, outputs, groups, kernel, stride, zero point in, zero point out
        { 16, 8, 1, 3, 1, 0, 0 },
        { 16, 8, 1, 1, 1, 128, 0 },
        { 16, 24, 4, 3, 2, 7, 131 },
        { 16, 16, 16, 3, 1, 0, 0 },
        { 16, 16, 16, 3, 2, 120, 128 },
        { 64, 32, 1, 3, 1, 0, 3 },
        { 3, 32, 1, 3, 2, 114, 0 },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void An_integer_convolution_is_its_definition_in_every_value(
        int inputs, int outputs, int groups, int kernel, int stride, int zeroIn, int zeroOut)
    {
        foreach (var bits in (int[])[8, 7])
        {
            var random = new Random(inputs + kernel + bits);
            var convolution = new FloatConvolution(
                Noise(1, outputs, inputs / groups, kernel, kernel), Noise(2, outputs), groups, inputs / groups);
            var input = new Grid(0.05f, (byte)zeroIn, Factors(random, inputs));
            var output = new Grid(0.11f, (byte)zeroOut, Factors(random, outputs));
            var rounded = IntegerConvolution.Round(convolution, input, output, IntegerInstructions.Limit(bits), null);
            var pixels = new byte[2 * inputs * Size * Size];
            random.NextBytes(pixels);
            pixels.AsSpan(0, pixels.Length / 3).Fill(255);

            var computed = Run(rounded, input, output, pixels, inputs, groups, kernel, stride);

            var expected = Reference(rounded, input, output, pixels, inputs, groups, kernel, stride);
            Assert.Equal(expected, computed);
            Assert.True(expected.Distinct().Count() > 20, "The case says little: its outputs are nearly all the same.");
        }
    }

    [Fact]
    public void Weights_of_seven_bits_never_leave_sixteen_bits_and_weights_of_eight_do()
    {
        // What two products of a byte and a weight add up to.
        Assert.True(2 * byte.MaxValue * IntegerInstructions.Limit(7) <= short.MaxValue);
        Assert.False(2 * byte.MaxValue * IntegerInstructions.Limit(8) <= short.MaxValue);

        // Every pair of products that vpmaddubsw could be asked to add at its extremes.
        foreach (var (a, b) in from a in (int[])[-63, 63] from b in (int[])[-63, 63] select (a, b))
            Assert.InRange((255 * a) + (255 * b), short.MinValue, short.MaxValue);
        Assert.True((255 * 127) + (255 * 127) > short.MaxValue);
    }

    [Theory]
    [InlineData(127, false, true)]
    [InlineData(-64, false, true)]
    [InlineData(63, false, false)]
    [InlineData(127, true, false)]
    public void A_processor_without_VNNI_gets_the_exact_path_where_weights_could_saturate(int weight, bool areExact, bool slow)
    {
        var model = Model(13, Input("x", DataType.Float, 0, 3, 8, 8), ["y"], [Node("Identity", ["x"], "y")],
            IntegerTensor.Of("w", (sbyte[])[1, (sbyte)weight], 2));
        using var options = new SessionOptions();

        Assert.Equal(slow, IntegerInstructions.Configure(options, model, areExact));
    }

    [Fact]
    public void CPUID_says_what_the_kernel_says()
    {
        Assert.SkipUnless(File.Exists("/proc/cpuinfo"), "No /proc/cpuinfo to compare with.");
        var flags = File.ReadLines("/proc/cpuinfo").FirstOrDefault(l => l.StartsWith("flags", StringComparison.Ordinal))?.Split(' ') ?? [];
        Assert.SkipWhen(flags.Length == 0, "Not an x86 processor.");

        Assert.Equal(flags.Contains("avx512_vnni") || flags.Contains("avx_vnni"), IntegerInstructions.AreExact);
    }

    private static float[] Factors(Random random, int channels) =>
        [.. Enumerable.Range(0, channels).Select(_ => 0.25f + random.NextSingle())];

    private static byte[] Run(
        IntegerConvolution convolution, Grid input, Grid output, byte[] pixels, int inputs, int groups, int kernel, int stride)
    {
        var outputs = convolution.Bias.Length;
        var model = Model(
            13,
            Input("x", DataType.Uint8, 2, inputs, Size, Size),
            ["y"],
            [
                Node("QLinearConv", ["x", "xs", "xz", "w", "ws", "wz", "ys", "yz", "b"], "y", Int("group", groups),
                    Ints("strides", stride, stride),
                    Ints("kernel_shape", kernel, kernel), Ints("pads", kernel / 2, kernel / 2, kernel / 2, kernel / 2)),
            ],
            OnnxTensor.FromFloats("xs", [input.Scale]),
            IntegerTensor.Of("xz", [input.ZeroPoint]),
            IntegerTensor.Of("w", convolution.Kernel, outputs, inputs / groups, kernel, kernel),
            OnnxTensor.FromFloats("ws", convolution.WeightScales, outputs),
            IntegerTensor.Of("wz", new sbyte[outputs], outputs),
            OnnxTensor.FromFloats("ys", [output.Scale]),
            IntegerTensor.Of("yz", [output.ZeroPoint]),
            IntegerTensor.Of("b", convolution.Bias, outputs));
        using var options = new SessionOptions();
        IntegerInstructions.Configure(options, model);
        using var session = new InferenceSession(model.ToByteArray(), options);
        using var value = OrtValue.CreateTensorValueFromMemory(pixels, [2, inputs, Size, Size]);
        using var run = new RunOptions();
        using var results = session.Run(run, ["x"], [value], ["y"]);
        return results[0].GetTensorDataAsSpan<byte>().ToArray();
    }

    private static byte[] Reference(
        IntegerConvolution convolution, Grid input, Grid output, byte[] pixels, int inputs, int groups, int kernel, int stride)
    {
        var outputs = convolution.Bias.Length;
        var perGroup = inputs / groups;
        var side = ((Size - 1) / stride) + 1;
        var result = new byte[2 * outputs * side * side];
        for (var i = 0; i < result.Length; i++)
        {
            var (x, y, o, n) = (i % side, i / side % side, i / (side * side) % outputs, i / (side * side * outputs));
            long sum = convolution.Bias[o];
            for (var c = 0; c < perGroup; c++)
            {
                for (var k = 0; k < kernel * kernel; k++)
                {
                    var (row, column) = ((y * stride) + (k / kernel) - (kernel / 2), (x * stride) + (k % kernel) - (kernel / 2));
                    if (row is < 0 or >= Size || column is < 0 or >= Size)
                        continue;
                    var channel = (o / (outputs / groups) * perGroup) + c;
                    var pixel = pixels[(((((n * inputs) + channel) * Size) + row) * Size) + column];
                    sum += convolution.Kernel[(((o * perGroup) + c) * kernel * kernel) + k] * (pixel - input.ZeroPoint);
                }
            }

            var scale = input.Scale * convolution.WeightScales[o] / output.Scale;
            result[i] = (byte)Math.Clamp(MathF.Round(sum * scale, MidpointRounding.ToEven) + output.ZeroPoint, 0, 255);
        }

        return result;
    }
}
