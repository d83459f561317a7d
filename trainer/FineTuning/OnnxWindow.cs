using Headstart.Models.Onnx;
using static TorchSharp.torch;

namespace Headstart.Trainer.FineTuning;

/// <summary>How the window of a convolution or a pooling goes over the rows and columns of [n, c, h, w], as ONNX says it.</summary>
internal sealed class OnnxWindow
{
    private readonly string _automatic;
    private readonly long[] _pads;

    /// <param name="node">A Conv, MaxPool or AveragePool.</param>
    /// <param name="kernel">Height and width of the window.</param>
    /// <exception cref="NotSupportedException">Not two-dimensional, or padding that is not said clearly; the message is the
    /// reason.</exception>
    public OnnxWindow(NodeProto node, long[] kernel)
    {
        var attributes = new OnnxAttributes(node);
        if (kernel.Length != 2)
            throw new NotSupportedException($"a window of {kernel.Length} dimensions; 2 are known");
        Kernel = kernel;
        Strides = attributes.Integers("strides") ?? [1, 1];
        Dilations = attributes.Integers("dilations") ?? [1, 1];
        _pads = attributes.Integers("pads") ?? [0, 0, 0, 0];
        _automatic = attributes.Text("auto_pad", "NOTSET");
        if (_pads.Length != 4 || _pads.Any(p => p < 0))
            throw new NotSupportedException($"pads [{string.Join(", ", _pads)}]");
        if (_automatic is not ("NOTSET" or "VALID" or "SAME_UPPER" or "SAME_LOWER"))
            throw new NotSupportedException($"auto_pad '{_automatic}'");
    }

    /// <summary>Height and width, as are all that follow.</summary>
    public long[] Kernel { get; }

    public long[] Strides { get; }

    public long[] Dilations { get; }

    /// <summary>Pads the input where libtorch can't do it by itself: it knows only the same padding on both sides.</summary>
    /// <param name="input">[n, c, h, w].</param>
    /// <param name="value">What the border is filled with.</param>
    /// <param name="most">The most that libtorch takes, on each side.</param>
    /// <returns>The input itself, or a padded copy; and what is left to libtorch.</returns>
    public (Tensor Input, long[] Padding) Pad(Tensor input, double value, long[] most)
    {
        var (top, left, bottom, right) = Borders(input);
        return top == bottom && left == right && top <= most[0] && left <= most[1]
            ? (input, [top, left])
            : (nn.functional.pad(input, [left, right, top, bottom], value: value), [0, 0]);
    }

    /// <summary>Rows and columns that the padding adds.</summary>
    public (long Top, long Left, long Bottom, long Right) Borders(Tensor input)
    {
        if (_automatic == "NOTSET")
            return (_pads[0], _pads[1], _pads[2], _pads[3]);
        if (_automatic == "VALID")
            return (0, 0, 0, 0);
        var (vertical, horizontal) = (Total(0, input.shape[2]), Total(1, input.shape[3]));
        return _automatic == "SAME_UPPER"
            ? (vertical / 2, horizontal / 2, vertical - (vertical / 2), horizontal - (horizontal / 2))
            : (vertical - (vertical / 2), horizontal - (horizontal / 2), vertical / 2, horizontal / 2);

        // So much that the output has ceil(input / stride) values.
        long Total(int axis, long length) =>
            Math.Max(0, ((((length + Strides[axis] - 1) / Strides[axis]) - 1) * Strides[axis]) + ((Kernel[axis] - 1) * Dilations[axis]) +
                1 - length);
    }
}
