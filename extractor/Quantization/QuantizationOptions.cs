using Headstart.Extraction.Runtime;

namespace Headstart.Extraction.Quantization;

/// <summary>What <c>model quantize</c> was asked to do.</summary>
internal sealed record QuantizationOptions
{
    /// <summary>Fewer pictures than this say too little about the range of any layer.</summary>
    public const int FewestImages = 8;

    /// <summary>Pictures looked at, both to calibrate and to judge; taken evenly from the whole set.</summary>
    public int Images { get; init; } = 400;

    /// <summary>Convolutions, layers or blocks that stay in float32.</summary>
    public IReadOnlyList<string> Keep { get; init; } = [];

    /// <summary>8, or 7 for processors that would saturate with 8; see <see cref="IntegerInstructions"/>.</summary>
    public int WeightBits { get; init; } = IntegerInstructions.AreExact ? 8 : 7;

    /// <summary>Threads to decode and to compute with.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>Images computed at once where the speed is measured.</summary>
    public int Batch { get; init; } = 8;

    /// <summary>How an activation's range is chosen. Not on the command line: the others are there to be compared with.</summary>
    public RangeRule Range { get; init; } = RangeRule.LeastError;

    /// <summary>Whether strong and weak channels of a tensor are brought to one level; see <see cref="ChannelBalance"/>.</summary>
    public bool Balance { get; init; } = true;

    /// <summary>
    /// Calibration pictures over which each channel's mean is matched; 0 for not at all. See <see cref="BiasCorrection"/>.
    /// </summary>
    public int MatchMeans { get; init; } = 128;

    /// <exception cref="CommandException">A value out of range; the message names the option.</exception>
    public void Validate()
    {
        if (Images is < FewestImages or > 1_000_000)
            throw CommandException.Usage($"--images is {Images}; it must be from {FewestImages} to 1,000,000.");
        if (WeightBits is not (7 or 8))
            throw CommandException.Usage($"--weight-bits is {WeightBits}; it must be 7 or 8.");
        if (Threads is < 1 or > 1024)
            throw CommandException.Usage($"--threads is {Threads}; it must be from 1 to 1024.");
        if (Batch is < 1 or > 4096)
            throw CommandException.Usage($"--batch is {Batch}; it must be from 1 to 4096.");
    }
}

/// <summary>How the range of an activation follows from what calibration saw.</summary>
internal enum RangeRule
{
    /// <summary>Where rounding, which a wide range makes coarse, and clipping, which a narrow one brings, together do the least.</summary>
    LeastError,

    /// <summary>From the smallest to the largest value.</summary>
    MinMax,

    /// <summary>Without the largest thousandth of the values: the trap that tests compare with. The tails carry the information.</summary>
    Percentile,
}
