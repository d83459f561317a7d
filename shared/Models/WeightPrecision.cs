namespace Headstart.Models;

/// <summary>How a model file stores its kernels, where somebody asks for it.</summary>
/// <remarks>The names are what users type.</remarks>
[System.Diagnostics.CodeAnalysis.SuppressMessage(
    "Naming", "CA1720:Identifier contains type name", Justification = "They are number formats.")]
public enum WeightPrecision
{
    /// <summary>As they come: a network of float16 stays one.</summary>
    Float32,

    /// <summary>As <see cref="Float16Weights"/> says.</summary>
    Float16,
}
