using static TorchSharp.torch;

namespace Headstart.Trainer.FineTuning;

/// <summary>
/// libtorch's channels-last memory format: [n, c, h, w] as ever, but with the channels of one pixel side by side in memory.
/// </summary>
internal static class ChannelsLast
{
    /// <summary>The same values in that format; copied only where they aren't in it yet. The result is the caller's.</summary>
    /// <remarks>TorchSharp's contiguous() has no memory format to choose, but the format is nothing else than these strides.</remarks>
    public static Tensor Of(Tensor nchw)
    {
        using var view = nchw.permute(0, 2, 3, 1);
        using var nhwc = view.contiguous();
        return nhwc.permute(0, 3, 1, 2);
    }
}
