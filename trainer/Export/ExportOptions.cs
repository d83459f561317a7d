using Headstart.Models;

namespace Headstart.Trainer.Export;

/// <summary>What kind of model is wanted.</summary>
internal sealed record ExportOptions
{
    /// <summary>Take pixels of any size instead of prepared tensors.</summary>
    public bool RawInput { get; init; }

    public WeightPrecision Precision { get; init; }

    /// <summary>Join the head to a base that its features don't come from.</summary>
    public bool AllowOtherBase { get; init; }
}
