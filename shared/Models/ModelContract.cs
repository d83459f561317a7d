using Headstart.Preprocessing;

namespace Headstart.Models;

/// <summary>What a model file says about itself: everything needed to feed it and to name what comes out.</summary>
/// <remarks>Stored as JSON in the ONNX file's <c>metadata_props</c> under <see cref="MetadataKey"/>.</remarks>
public sealed record ModelContract
{
    public const string MetadataKey = "headstart.contract";
    public const int CurrentSchema = 1;

    public int Schema { get; init; } = CurrentSchema;

    /// <summary>A short name for people, such as <c>vgg16</c>.</summary>
    public required string Name { get; init; }

    /// <summary><c>vgg11</c> .. <c>vgg19</c> where Headstart built the graph, otherwise <c>onnx</c>.</summary>
    public required string Architecture { get; init; }

    public required ImagePreprocessing Preprocessing { get; init; }

    /// <summary>The named layers, shallow first, each an output of the graph.</summary>
    public required IReadOnlyList<ModelLayer> Layers { get; init; }

    public required WeightsSource Weights { get; init; }

    /// <summary>
    /// The arithmetic of the network: <c>float32</c>, <c>float16</c>, or <c>int8</c> (then <see cref="Quantization"/> says how).
    /// </summary>
    public string Precision { get; init; } = "float32";

    /// <summary>How the integers were chosen; null for a network of floats.</summary>
    public QuantizationRecord? Quantization { get; init; }

    /// <summary>
    /// The only batch size that the graph accepts, or null (the usual case) when it takes any. Fill an incomplete batch up.
    /// </summary>
    public int? FixedBatch { get; init; }

    /// <summary>
    /// What each layer computed at import, for <c>model verify</c>. Whoever changes what the graph computes drops or renews it.
    /// </summary>
    public IReadOnlyList<LayerFingerprint>? Fingerprint { get; init; }

    /// <summary>
    /// Null for a base. An exported model has one layer, <see cref="PredictionContract.Probabilities"/>, and says here what it means.
    /// </summary>
    public PredictionContract? Prediction { get; init; }

    /// <summary>SHA-256 of the whole file with these 64 digits replaced by zeros; <see cref="ModelFile"/> writes and checks it.</summary>
    public string? Seal { get; init; }
}

/// <summary>A named output of the graph and its shape for one image.</summary>
public sealed record ModelLayer(string Name, LayerShape Shape);

/// <summary>Where the weights came from.</summary>
/// <param name="File">The name of the file that was imported, without its folder.</param>
/// <param name="Sha256">Of that whole file, lower-case hex.</param>
/// <param name="Note">What every user of these weights must know, such as that they are not pretrained.</param>
/// <param name="Md5">Of the same file, because that is all that Keras publishes of its weights.</param>
public sealed record WeightsSource(string File, string Sha256, string? Note = null, string? Md5 = null);

/// <summary>How an integer model was made.</summary>
/// <param name="WeightBits">8, or 7 for weights that no processor saturates with.</param>
/// <param name="CalibrationSha256">Of the sorted digests of the calibration pictures' bytes.</param>
/// <param name="CalibrationImages">Their number.</param>
/// <param name="FloatSha256">Of the float32 model file that it stands for.</param>
/// <param name="Kept">What was kept in float32, as the user named it.</param>
public sealed record QuantizationRecord(
    int WeightBits, string CalibrationSha256, int CalibrationImages, string FloatSha256, IReadOnlyList<string> Kept);
