using Headstart.Preprocessing;

namespace Headstart.Tests.Preprocessing;

public sealed class ResizeGeometryTests
{
    /// <remarks>Expected: python3 -c "w,h,s,c=...; n=int(s*max(w,h)/min(w,h)); print(n, int(round((n-c)/2.0)))".</remarks>
    [Theory]
    [InlineData(500, 375, 341, 58)] // 341.33 is cut; (341 - 224) / 2 = 58.5 goes to the even 58
    [InlineData(375, 500, 341, 58)]
    [InlineData(257, 256, 257, 16)] // 16.5 goes to 16, not to 17
    [InlineData(259, 256, 259, 18)] // 17.5 goes to 18
    [InlineData(640, 427, 383, 80)]
    [InlineData(256, 256, 256, 16)]
    [InlineData(100_000, 1, 25_600_000, 12_799_888)]
    [InlineData(178_956_970, 1, 45_812_984_320, 22_906_492_048)]
    public void Long_side_is_cut_and_the_crop_rounds_to_even(int width, int height, long longSide, long start)
    {
        var geometry = ResizeGeometry.For(Presets.Torchvision, width, height);

        var (along, across) = width > height ? (geometry.X, geometry.Y) : (geometry.Y, geometry.X);
        Assert.Equal(new ResizeAxis(Math.Max(width, height), longSide, start, 224), along);
        Assert.Equal(new ResizeAxis(Math.Min(width, height), 256, 16, 224), across);
    }

    [Fact]
    public void Stretching_wants_everything() =>
        Assert.Equal(new ResizeGeometry(new ResizeAxis(10, 224, 0, 224), new ResizeAxis(900, 224, 0, 224)),
            ResizeGeometry.For(Presets.Keras, 10, 900));
}
