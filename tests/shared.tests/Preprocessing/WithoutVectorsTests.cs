namespace Headstart.Tests.Preprocessing;

public sealed class WithoutVectorsTests
{
    public static TheoryData<string> Legs => WithoutVectors.Names;

    [Theory]
    [MemberData(nameof(Legs))]
    public Task Resizers_give_the_same_pixels(string leg) =>
        WithoutVectors.PassAsync(
            leg, typeof(ResizeGoldenTests), typeof(ViewGoldenTests), typeof(ImagePreprocessorTests), typeof(ImageViewTests));
}
