using Headstart.Models;

namespace Headstart.Trainer.Export;

/// <summary>A model file that was compared with the trainer and may be published.</summary>
/// <param name="Bytes">The whole file.</param>
/// <param name="Contract">What is in it.</param>
/// <param name="Check">The comparison, in float32.</param>
/// <param name="Rounded">The comparison with rounded weights; null where they were not rounded.</param>
internal sealed record ProvenModel(byte[] Bytes, ModelContract Contract, ExportCheck Check, ExportCheck? Rounded)
{
    /// <summary>How large <see cref="ExportCheck.LargestDifference"/> may be.</summary>
    public const double Tolerance = 1e-4;

    /// <summary>How far rounded weights may move a probability.</summary>
    public const double MostRounding = 0.05;
}
