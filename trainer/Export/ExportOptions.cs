namespace Headstart.Training.Export;

/// <summary>How the weights of an exported model are stored.</summary>
/// <remarks>The names are what users type.</remarks>
[System.Diagnostics.CodeAnalysis.SuppressMessage("Naming", "CA1720:Identifier contains type name", Justification = "They are number formats.")]
public enum ExportPrecision
{
    Float32,

    /// <summary>Kernels as float16, arithmetic in float32.</summary>
    Float16,
}

/// <summary>What kind of model is wanted.</summary>
internal sealed record ExportOptions
{
    /// <summary>Take pixels of any size instead of prepared tensors.</summary>
    public bool RawInput { get; init; }

    public ExportPrecision Precision { get; init; }

    /// <summary>Join the head to a base that its features don't come from.</summary>
    public bool AllowOtherBase { get; init; }
}
