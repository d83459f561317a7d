using Headstart.Models;
using Headstart.Models.Onnx;

namespace Headstart.Extraction.Quantization;

/// <summary>An integer model that is ready to be saved, and what was found out about it.</summary>
internal sealed record QuantizedModel
{
    public required ModelProto Proto { get; init; }

    public required ModelContract Contract { get; init; }

    /// <summary>What became what.</summary>
    public required QuantizationPlan Plan { get; init; }

    public required PictureSplit Split { get; init; }

    /// <summary>Each layer's, on pictures that were not used to calibrate.</summary>
    public required IReadOnlyDictionary<string, LayerFidelity> Fidelity { get; init; }

    /// <summary>What would help most, best first, where a layer is below the bound.</summary>
    public required IReadOnlyList<KeptPart> Advice { get; init; }

    /// <summary>Pictures that could not be used, and why.</summary>
    public required IReadOnlyDictionary<string, string> Rejected { get; init; }
}
