namespace Headstart.Extraction.Quantization;

/// <summary>The weights of a convolution in float32.</summary>
/// <param name="Kernel">Out x In / groups x height x width.</param>
/// <param name="Bias">A value an output channel.</param>
/// <param name="Groups">Groups of channels that don't see each other; as many as channels in a depthwise convolution.</param>
/// <param name="Inputs">Input channels that one output sees: In / groups.</param>
internal sealed record FloatConvolution(float[] Kernel, float[] Bias, int Groups, int Inputs)
{
    public int Outputs => Bias.Length;

    /// <summary>Weights for one input channel of one output.</summary>
    public int Area => Kernel.Length / (Outputs * Inputs);

    /// <summary>The first of the input channels that an output sees.</summary>
    public int FirstInput(int output) => output / (Outputs / Groups) * Inputs;
}

/// <summary>A convolution of whole numbers: signed bytes for weights, bytes for values, 32 bits for sums.</summary>
/// <param name="Kernel">As <see cref="FloatConvolution.Kernel"/>.</param>
/// <param name="Bias">In units of the input's scale times the weight's.</param>
/// <param name="WeightScales">A value an output channel, as <c>QLinearConv</c> wants it: the output grid's channel factors are in
/// it.</param>
internal sealed record IntegerConvolution(sbyte[] Kernel, int[] Bias, float[] WeightScales)
{
    // Sums of products stay below 2^30 up to 33,000 weights an output, so that sum and bias together fit 32 bits.
    private const double LargestBias = 1 << 29;

    /// <summary>Rounds weights and bias.</summary>
    /// <param name="convolution">In float32.</param>
    /// <param name="input">The grid of what comes in; its channel factors go into the weights.</param>
    /// <param name="output">The grid of what goes out.</param>
    /// <param name="limit">The largest weight: 127, or 63 for 7 bits.</param>
    /// <param name="inputMeans">Each input channel's mean, to give the bias what the rounding takes from it; null for no
    /// correction.</param>
    /// <remarks>
    /// With <c>w[o,c] * inputFactor[c]</c> rounded to <c>s[o] * k[o,c]</c>, the sum over <c>k * (x - zero)</c> in units of <c>input.Scale *
    /// s[o]</c> is the float convolution. Each output channel has its own scale, so a depthwise convolution takes any input factors without
    /// loss.
    /// </remarks>
    public static IntegerConvolution Round(FloatConvolution convolution, Grid input, Grid output, int limit, double[]? inputMeans)
    {
        var rounded = new sbyte[convolution.Kernel.Length];
        var bias = new int[convolution.Outputs];
        var scales = new float[convolution.Outputs];
        var perOutput = convolution.Inputs * convolution.Area;
        Parallel.For(0, convolution.Outputs, o =>
        {
            var weights = convolution.Kernel.AsSpan(o * perOutput, perOutput);
            var first = convolution.FirstInput(o);
            var scale = Scale(convolution, input, o, limit);
            var lost = 0.0;
            for (var i = 0; i < perOutput; i++)
            {
                var channel = first + (i / convolution.Area);
                var factor = Factor(input, channel);
                var value = Math.Clamp((int)Math.Round(weights[i] * factor / scale, MidpointRounding.ToEven), -limit, limit);
                rounded[(o * perOutput) + i] = (sbyte)value;
                if (inputMeans is not null)
                    lost += inputMeans[channel] * (weights[i] - (value * scale / factor));
            }

            var whole = Math.Round((convolution.Bias[o] + lost) / (input.Scale * scale), MidpointRounding.ToEven);
            bias[o] = (int)Math.Clamp(whole, -2 * LargestBias, 2 * LargestBias);
            scales[o] = (float)(scale / Factor(output, o));
        });
        return new IntegerConvolution(rounded, bias, scales);
    }

    /// <summary>What rounding the weights does to the outputs: their mean squared error, summed over the output channels.</summary>
    /// <param name="inputSquares">The mean square of each input channel.</param>
    public static double RoundingNoise(FloatConvolution convolution, Grid input, int limit, double[] inputSquares)
    {
        var noise = new double[convolution.Outputs];
        var perOutput = convolution.Inputs * convolution.Area;
        Parallel.For(0, convolution.Outputs, o =>
        {
            var weights = convolution.Kernel.AsSpan(o * perOutput, perOutput);
            var first = convolution.FirstInput(o);
            var scale = Scale(convolution, input, o, limit);
            for (var i = 0; i < perOutput; i++)
            {
                var channel = first + (i / convolution.Area);
                var factor = Factor(input, channel);
                var error = weights[i] - (Math.Round(weights[i] * factor / scale) * scale / factor);
                noise[o] += error * error * inputSquares[channel];
            }
        });
        return noise.Sum();
    }

    // A channel of weights near 0 still needs a scale in which its bias fits.
    private static double Scale(FloatConvolution convolution, Grid input, int output, int limit)
    {
        var perOutput = convolution.Inputs * convolution.Area;
        var weights = convolution.Kernel.AsSpan(output * perOutput, perOutput);
        var first = convolution.FirstInput(output);
        var largest = 0.0;
        for (var i = 0; i < perOutput; i++)
            largest = Math.Max(largest, Math.Abs(weights[i] * Factor(input, first + (i / convolution.Area))));
        return Math.Max(Math.Max(largest / limit, Math.Abs(convolution.Bias[output]) / (input.Scale * LargestBias)), 1e-30);
    }

    private static double Factor(Grid grid, int channel) => grid.Channels is null ? 1 : grid.Channels[channel];
}
