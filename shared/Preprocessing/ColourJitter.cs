namespace Headstart.Preprocessing;

/// <summary>
/// Changes of colour on three planes of grey levels 0..255, as torchvision's adjust_brightness, adjust_contrast and adjust_saturation make
/// them on float tensors.
/// </summary>
/// <remarks>PIL, and with it torchvision on PIL images, rounds to whole grey levels after each change; here nothing is rounded.</remarks>
internal static class ColourJitter
{
    private const float MaximumLevel = 255;

    /// <summary>Changes the planes in place; each has as many values as the others.</summary>
    public static void Apply(ColourChange change, float factor, Span<float> red, Span<float> green, Span<float> blue)
    {
        switch (change)
        {
            case ColourChange.Brightness:
                Blend(red, factor, 0);
                Blend(green, factor, 0);
                Blend(blue, factor, 0);
                break;
            case ColourChange.Contrast:
                var mean = MeanGrey(red, green, blue);
                Blend(red, factor, mean);
                Blend(green, factor, mean);
                Blend(blue, factor, mean);
                break;
            case ColourChange.Saturation:
                for (var i = 0; i < red.Length; i++)
                {
                    var rest = (1 - factor) * Grey(red[i], green[i], blue[i]);
                    red[i] = Clamp((factor * red[i]) + rest);
                    green[i] = Clamp((factor * green[i]) + rest);
                    blue[i] = Clamp((factor * blue[i]) + rest);
                }

                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(change), change, null);
        }
    }

    private static void Blend(Span<float> plane, float factor, float with)
    {
        var rest = (1 - factor) * with;
        for (var i = 0; i < plane.Length; i++)
            plane[i] = Clamp((factor * plane[i]) + rest);
    }

    private static float MeanGrey(ReadOnlySpan<float> red, ReadOnlySpan<float> green, ReadOnlySpan<float> blue)
    {
        var sum = 0.0;
        for (var i = 0; i < red.Length; i++)
            sum += Grey(red[i], green[i], blue[i]);
        return (float)(sum / red.Length);
    }

    // The weights as torchvision has them: ITU-R 601 luma.
    private static float Grey(float red, float green, float blue) => (0.2989f * red) + (0.587f * green) + (0.114f * blue);

    private static float Clamp(float level) => Math.Clamp(level, 0, MaximumLevel);
}
