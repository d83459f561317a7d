using System.Numerics;

namespace Headstart.Extraction.Demo;

/// <summary>Figures known by what fills them. They cover the plane; the caller cuts a piece out.</summary>
internal static class Textures
{
    public static SignedDistance Stripes(float period) => p => Band(p.X, period);

    public static SignedDistance Grid(float period, float halfWidth) => p =>
        MathF.Min(MathF.Abs(Shapes.Fold(p.X, period)), MathF.Abs(Shapes.Fold(p.Y, period))) - halfWidth;

    public static SignedDistance Checker(float period) => p =>
    {
        var (x, y) = (Band(p.X, period), Band(p.Y, period));
        return MathF.Max(MathF.Min(x, y), -MathF.Max(x, y));
    };

    public static SignedDistance Dots(float period, float radius) => p =>
    {
        // Every other row is shifted by half a period.
        var row = MathF.Floor(p.Y / period + 0.5f);
        var x = Shapes.Fold(p.X + (row % 2 == 0 ? 0 : period / 2), period);
        return new Vector2(x, p.Y - row * period).Length() - radius;
    };

    public static SignedDistance Waves(float period, float height) => p =>
        Band(p.X + height * MathF.Sin(p.Y * MathF.Tau / (period * 2.2f)), period) * 0.7f;

    public static SignedDistance Rays(int count) => p =>
    {
        var wedge = MathF.Tau / count;
        return (MathF.Abs(Shapes.Fold(MathF.Atan2(p.Y, p.X), wedge)) - wedge / 4) * p.Length();
    };

    public static SignedDistance Target(float period) => p => Band(p.Length(), period);

    // Half of each period is inside.
    private static float Band(float x, float period) => MathF.Abs(Shapes.Fold(x, period)) - period / 4;
}
