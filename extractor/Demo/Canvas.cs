using System.Numerics;
using Headstart.Images;

namespace Headstart.Extraction.Demo;

/// <summary>
/// A picture being drawn, in floats from 0 to 1 a channel. x grows to the right, y downwards; the pixel (0, 0) has its centre at (0.5,
/// 0.5).
/// </summary>
internal sealed class Canvas(int width, int height)
{
    private readonly Vector3[] _pixels = new Vector3[width * height];

    public int Width => width;

    public int Height => height;

    /// <summary>Gives every pixel a colour that follows from its centre and what is there.</summary>
    public void Shade(Func<Vector2, Vector3, Vector3> colour)
    {
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
                _pixels[y * width + x] = colour(new Vector2(x + 0.5f, y + 0.5f), _pixels[y * width + x]);
        }
    }

    /// <summary>
    /// Paints the inside of a figure, with an edge about one pixel wide, or wider if <paramref name="softness"/> is more than 1.
    /// </summary>
    /// <param name="distance">In pixels.</param>
    /// <param name="centre">Of the disc that holds the figure.</param>
    /// <param name="reach">Radius of that disc, in pixels: nothing outside is looked at.</param>
    /// <param name="colour">The paint.</param>
    /// <param name="opacity">1 covers what is there.</param>
    /// <param name="softness">Width of the edge, in pixels.</param>
    public void Paint(SignedDistance distance, Vector2 centre, float reach, Vector3 colour, float opacity = 1, float softness = 1)
    {
        var margin = reach + softness;
        var (left, right) = (Math.Max(0, (int)(centre.X - margin)), Math.Min(width - 1, (int)(centre.X + margin)));
        var (top, bottom) = (Math.Max(0, (int)(centre.Y - margin)), Math.Min(height - 1, (int)(centre.Y + margin)));
        for (var y = top; y <= bottom; y++)
        {
            for (var x = left; x <= right; x++)
            {
                var coverage = Math.Clamp(0.5f - distance(new Vector2(x + 0.5f, y + 0.5f)) / softness, 0, 1);
                if (coverage > 0)
                    _pixels[y * width + x] = Vector3.Lerp(_pixels[y * width + x], colour, coverage * opacity);
            }
        }
    }

    /// <summary>
    /// Blurs by the binomial kernel 1 2 1 in both directions, <paramref name="times"/> times: a variance of half a pixel each.
    /// </summary>
    public void Blur(int times)
    {
        var line = new Vector3[Math.Max(width, height)];
        for (var i = 0; i < times; i++)
        {
            for (var y = 0; y < height; y++)
                BlurLine(y * width, 1, line.AsSpan(0, width));
            for (var x = 0; x < width; x++)
                BlurLine(x, width, line.AsSpan(0, height));
        }
    }

    /// <summary>Adds grain of the given standard deviation to every channel of every pixel.</summary>
    public void AddNoise(float deviation, DemoRandom random)
    {
        foreach (ref var pixel in _pixels.AsSpan())
            pixel += deviation * new Vector3(Grain(random), Grain(random), Grain(random));
    }

    /// <summary>The picture as 8-bit RGB; values outside 0..1 are cut off.</summary>
    public RgbImage ToRgb()
    {
        var bytes = new byte[_pixels.Length * 3];
        for (var i = 0; i < _pixels.Length; i++)
        {
            var levels = Vector3.Clamp(_pixels[i], Vector3.Zero, Vector3.One) * 255 + new Vector3(0.5f);
            bytes[i * 3] = (byte)levels.X;
            bytes[i * 3 + 1] = (byte)levels.Y;
            bytes[i * 3 + 2] = (byte)levels.Z;
        }

        return new RgbImage(width, height, bytes);
    }

    private void BlurLine(int start, int step, Span<Vector3> line)
    {
        for (var i = 0; i < line.Length; i++)
            line[i] = _pixels[start + i * step];
        for (var i = 0; i < line.Length; i++)
        {
            var (before, after) = (line[Math.Max(i - 1, 0)], line[Math.Min(i + 1, line.Length - 1)]);
            _pixels[start + i * step] = (before + after + 2 * line[i]) / 4;
        }
    }

    // Four 16-bit numbers added: mean 0, variance 1, bell-shaped enough for grain, and one draw instead of twelve.
    private static float Grain(DemoRandom random)
    {
        var bits = random.NextBits();
        var sum = (bits & 0xFFFF) + ((bits >> 16) & 0xFFFF) + ((bits >> 32) & 0xFFFF) + (bits >> 48);
        return (sum / 65536f - 2) * 1.7320508f;
    }
}
