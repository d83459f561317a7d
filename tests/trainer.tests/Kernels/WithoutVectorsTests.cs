namespace Headstart.Tests.Kernels;

public sealed class WithoutVectorsTests
{
    public static TheoryData<string> Legs => WithoutVectors.Names;

    [Theory]
    [MemberData(nameof(Legs))]
    public Task Kernels_compute_the_same_and_libtorch_takes_over_where_they_would_be_slow(string leg) =>
        WithoutVectors.PassAsync(leg, typeof(WideKernelTests), typeof(OuterProductTests), typeof(RowLayerTests), typeof(WideDenseTests));
}
