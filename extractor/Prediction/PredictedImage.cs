using Headstart.Images;

namespace Headstart.Extraction.Prediction;

/// <summary>What a model says of one image.</summary>
/// <param name="Item">The image.</param>
/// <param name="Probabilities">One a class; null for a rejected image.</param>
/// <param name="Class">The place of the class that was decided for.</param>
/// <param name="Rejection">Why the image can't be used; null for the others.</param>
internal sealed record PredictedImage(ImageItem Item, float[]? Probabilities, int Class, string? Rejection);
