using System.Numerics;

namespace Headstart.Extraction.Demo;

/// <summary>
/// The distance from a point to the edge of a figure, negative inside. The figure lies in the unit disc around the origin.
/// </summary>
internal delegate float SignedDistance(Vector2 point);

/// <summary>
/// Figures known by their outline. Distances are exact at the edge, which is where antialiasing looks, and roughly right elsewhere.
/// </summary>
internal static class Shapes
{
    public static SignedDistance Disc(float radius) => p => p.Length() - radius;

    public static SignedDistance Ring(float radius, float halfWidth) => p => MathF.Abs(p.Length() - radius) - halfWidth;

    public static SignedDistance Segment(Vector2 from, Vector2 to, float halfWidth)
    {
        var along = to - from;
        var lengthSquared = MathF.Max(along.LengthSquared(), 1e-6f);
        return p =>
        {
            var t = Math.Clamp(Vector2.Dot(p - from, along) / lengthSquared, 0, 1);
            return Vector2.Distance(p, from + t * along) - halfWidth;
        };
    }

    public static SignedDistance Box(float halfWidth, float halfHeight, float cornerRadius = 0) => p =>
    {
        var outside = Vector2.Abs(p) - new Vector2(halfWidth - cornerRadius, halfHeight - cornerRadius);
        return Vector2.Max(outside, Vector2.Zero).Length() + MathF.Min(MathF.Max(outside.X, outside.Y), 0) - cornerRadius;
    };

    /// <summary>A polygon with all its corners on the unit circle.</summary>
    public static SignedDistance RegularPolygon(int corners)
    {
        var apothem = MathF.Cos(MathF.PI / corners);
        return p => p.Length() * MathF.Cos(Fold(MathF.Atan2(p.Y, p.X) + MathF.PI / corners, MathF.Tau / corners)) - apothem;
    }

    /// <summary>A star with its tips on the unit circle and its notches on a circle of radius <paramref name="inner"/>.</summary>
    public static SignedDistance Star(int tips, float inner)
    {
        var (sine, cosine) = MathF.SinCos(MathF.PI / tips);
        var notch = inner * new Vector2(cosine, sine);
        var edge = notch - Vector2.UnitX;
        var normal = Vector2.Normalize(new Vector2(edge.Y, -edge.X));
        return p =>
        {
            var (s, c) = MathF.SinCos(MathF.Abs(Fold(MathF.Atan2(p.Y, p.X), MathF.Tau / tips)));
            return Vector2.Dot(p.Length() * new Vector2(c, s) - Vector2.UnitX, normal);
        };
    }

    public static SignedDistance Cross(float halfWidth) => Union(Box(0.95f, halfWidth), Box(halfWidth, 0.95f));

    /// <summary>A disc with a bite of nearly its own size.</summary>
    public static SignedDistance Crescent(float shift) => p =>
        MathF.Max(p.Length() - 0.95f, 0.8f - Vector2.Distance(p, new Vector2(shift, 0)));

    /// <summary>A square on its corner with a disc on each of its two upper sides.</summary>
    public static SignedDistance Heart()
    {
        const float Side = 0.5f;
        var diagonal = Vector2.Normalize(Vector2.One);
        var square = Box(Side, Side);
        return p =>
        {
            p.Y -= 0.1f;
            var turned = new Vector2(Vector2.Dot(p, diagonal), Vector2.Dot(p, new Vector2(-diagonal.Y, diagonal.X)));
            var left = Vector2.Distance(turned, new Vector2(-Side, 0)) - Side;
            var right = Vector2.Distance(turned, new Vector2(0, -Side)) - Side;
            return MathF.Min(square(turned), MathF.Min(left, right));
        };
    }

    /// <summary>An Archimedean spiral: the line moves outwards by <paramref name="pitch"/> with each turn.</summary>
    public static SignedDistance Spiral(float pitch, bool clockwise) => p =>
    {
        var turns = MathF.Atan2(clockwise ? -p.Y : p.Y, p.X) / MathF.Tau;
        var arm = MathF.Abs(Fold(p.Length() - turns * pitch, pitch)) - pitch * 0.22f;
        return MathF.Max(arm, p.Length() - 0.97f);
    };

    public static SignedDistance Union(SignedDistance a, SignedDistance b) => p => MathF.Min(a(p), b(p));

    public static SignedDistance Intersection(SignedDistance a, SignedDistance b) => p => MathF.Max(a(p), b(p));

    /// <summary>Brings <paramref name="x"/> into [-period/2, period/2) by whole periods.</summary>
    public static float Fold(float x, float period) => x - period * MathF.Floor(x / period + 0.5f);
}
