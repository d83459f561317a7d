using System.Numerics;
using Headstart.Images;

namespace Headstart.Extraction.Demo;

/// <summary>Draws one demo picture: a figure of its class among everything that says nothing about the class.</summary>
/// <remarks>
/// Colours of figure and background, place, size, angle, squashing, lighting, clutter, blur and grain are drawn alike for all classes,
/// so a class can't be told by its colour: only by shape or texture.
/// </remarks>
internal static class DemoPicture
{
    public const int SmallestSide = 160;
    public const int LargestSide = 320;

    public static RgbImage Draw(DemoClass demoClass, DemoRandom random)
    {
        var canvas = new Canvas(random.Whole(SmallestSide, LargestSide), random.Whole(SmallestSide, LargestSide));
        var background = random.Colour();
        DrawBackground(canvas, background, random);
        DrawFigure(canvas, demoClass.Figure(random), background, random);
        DrawStrokes(canvas, random.Whole(0, 2), thickest: 0.007f, random);
        Light(canvas, random);
        canvas.Blur(random.Whole(0, 4));
        canvas.AddNoise(random.Uniform(0, 0.06f), random);
        return canvas.ToRgb();
    }

    private static void DrawBackground(Canvas canvas, Vector3 background, DemoRandom random)
    {
        canvas.Shade((_, _) => background);
        for (var i = random.Whole(1, 4); i > 0; i--)
        {
            var centre = AnyPoint(canvas, random);
            var radius = random.Uniform(0.2f, 0.6f) * ShortSide(canvas);
            var colour = Vector3.Lerp(background, random.Colour(), 0.5f);
            canvas.Paint(p => Vector2.Distance(p, centre) - radius, centre, radius * 2, colour, 0.5f, softness: radius);
        }

        DrawStrokes(canvas, random.Whole(2, 6), thickest: 0.015f, random);
    }

    private static void DrawFigure(Canvas canvas, SignedDistance figure, Vector3 background, DemoRandom random)
    {
        var radius = random.Uniform(0.24f, 0.42f) * ShortSide(canvas);
        var centre = new Vector2(random.Uniform(radius, canvas.Width - radius), random.Uniform(radius, canvas.Height - radius));
        var axis = random.Direction();
        var squash = random.Uniform(0.8f, 1);
        var colour = Apart(background, random);

        // Now and then the figure lies on a plate. Any class may: a plate says nothing either.
        if (random.Chance(0.25f))
        {
            var plate = Shapes.Box(1, 1, random.Uniform(0, 1));
            canvas.Paint(Place(plate), centre, radius * 1.5f, Apart(colour, random), opacity: 0.8f);
        }

        canvas.Paint(Place(figure), centre, radius * 1.05f, colour, random.Uniform(0.85f, 1));

        SignedDistance Place(SignedDistance unit) => p =>
        {
            var from = (p - centre) / radius;
            var turned = new Vector2(Vector2.Dot(from, axis), (axis.X * from.Y - axis.Y * from.X) / squash);
            return unit(turned) * radius * squash;
        };
    }

    private static void DrawStrokes(Canvas canvas, int count, float thickest, DemoRandom random)
    {
        for (; count > 0; count--)
        {
            var middle = AnyPoint(canvas, random);
            var half = random.Uniform(0.05f, 0.35f) * ShortSide(canvas) * random.Direction();
            var halfWidth = random.Uniform(0.003f, thickest) * ShortSide(canvas);
            var stroke = Shapes.Segment(middle - half, middle + half, halfWidth);
            canvas.Paint(stroke, middle, half.Length() + halfWidth, random.Colour(), random.Uniform(0.5f, 1));
        }
    }

    // Brighter on one side, darker on the other.
    private static void Light(Canvas canvas, DemoRandom random)
    {
        var centre = new Vector2(canvas.Width, canvas.Height) / 2;
        var slope = random.Uniform(0, 0.35f) * random.Direction() / centre;
        canvas.Shade((p, colour) => colour * (1 + Vector2.Dot(p - centre, slope)));
    }

    // A colour that can be told from another one. Drawn again until it differs, so each of the two is as likely the brighter one.
    private static Vector3 Apart(Vector3 other, DemoRandom random)
    {
        while (true)
        {
            var colour = random.Colour();
            if (MathF.Abs(Luma(colour) - Luma(other)) > 0.2f)
                return colour;
        }
    }

    private static float Luma(Vector3 colour) => Vector3.Dot(colour, new Vector3(0.299f, 0.587f, 0.114f));

    private static Vector2 AnyPoint(Canvas canvas, DemoRandom random) =>
        new(random.Uniform(0, canvas.Width), random.Uniform(0, canvas.Height));

    private static float ShortSide(Canvas canvas) => Math.Min(canvas.Width, canvas.Height);
}
