namespace Headstart.Tests.Export;

/// <summary>Every piece of the head language as ONNX operators, beside libtorch.</summary>
public sealed class HeadGraphTests
{
    public static TheoryData<string> Maps =>
    [
        "flatten", "gap", "gmp", "avgpool(2), flatten", "avgpool(5)", "gap, l2norm", "flatten, layernorm, dense(8, relu)", "batchnorm, gap",
        "gap, batchnorm, dense(4, tanh)",
        "flatten, dropout(0.5), dense(8, relu), dropout(0.2)", "flatten, dense(8)", "flatten, dense(8, relu)", "flatten, dense(8, elu)",
        "flatten, dense(8, gelu)",
        "flatten, dense(8, silu)", "flatten, dense(8, tanh)", "flatten, dense(8, sigmoid), dense(6, relu)",
        "avgpool(2), batchnorm, avgpool(2), dropout(0.1), l2norm",
    ];

    public static TheoryData<string> Vectors =>
        ["flatten", "gap", "gmp", "avgpool(1)", "batchnorm", "l2norm, dense(5, gelu)", "layernorm, dense(8, relu)"];

    [Theory]
    [MemberData(nameof(Maps))]
    public void A_head_on_a_map_computes_what_libtorch_computes(string spec) => Agree(spec, vectorLayer: false);

    [Theory]
    [MemberData(nameof(Vectors))]
    public void A_head_on_a_vector_computes_what_libtorch_computes(string spec) => Agree(spec, vectorLayer: true);

    // Make compares with libtorch itself, and throws where the two differ; that it does is what ModelExportTests proves.
    private static void Agree(string spec, bool vectorLayer)
    {
        foreach (var classes in (int[])[2, 5])
        {
            using var sample = new ExportSample(vectorLayer: vectorLayer);
            using var export = sample.Export(sample.WriteRun(spec, classes));
            var check = export.Make("out.onnx", ExportSample.Pictures).Check;

            Assert.Equal(8, check.Pictures);
            Assert.InRange(check.LargestDifference, 0, 5e-5);
        }
    }
}
