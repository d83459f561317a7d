using Headstart.Models;

namespace Headstart.Extraction.Import;

/// <summary>Moves a batch norm into the convolution before it, where it costs nothing.</summary>
internal static class BatchNorm
{
    /// <summary>
    /// In double precision, rounded once: <c>w' = w * s</c> and <c>b' = (b - mean) * s + shift</c>, with <c>s = scale / sqrt(variance +
    /// epsilon)</c>.
    /// </summary>
    /// <param name="weights">Left as they are.</param>
    /// <param name="scale">Gamma, a value an output channel; so are the next three.</param>
    /// <param name="shift">Beta.</param>
    /// <param name="mean">The running mean.</param>
    /// <param name="variance">The running variance.</param>
    /// <param name="epsilon">As in the framework that trained the weights.</param>
    public static ConvolutionWeights Fold(
        ConvolutionWeights weights, float[] scale, float[] shift, float[] mean, float[] variance, double epsilon)
    {
        var kernel = new float[weights.Kernel.Length];
        var bias = new float[weights.Bias.Length];
        var perChannel = kernel.Length / bias.Length;
        for (var channel = 0; channel < bias.Length; channel++)
        {
            var factor = scale[channel] / Math.Sqrt(variance[channel] + epsilon);
            for (var i = channel * perChannel; i < (channel + 1) * perChannel; i++)
                kernel[i] = (float)(weights.Kernel[i] * factor);
            bias[channel] = (float)((((double)weights.Bias[channel] - mean[channel]) * factor) + shift[channel]);
        }

        return new ConvolutionWeights(kernel, bias);
    }
}
