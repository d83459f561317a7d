using Headstart.Extraction.Runtime;
using Headstart.Images;
using Headstart.Models;
using Microsoft.ML.OnnxRuntime;

namespace Headstart.Extraction.Prediction;

/// <summary>An exported model that takes one picture's pixels.</summary>
/// <param name="session">Stays the caller's.</param>
internal sealed class PixelNetwork(ModelFile model, InferenceSession session)
{
    /// <summary>One probability a class.</summary>
    /// <exception cref="CommandException">ONNX Runtime failed.</exception>
    public float[] Run(RgbImage image)
    {
        var probabilities = new float[model.Contract.Prediction!.Classes.Count];
        using var input = OrtValue.CreateTensorValueFromMemory(image.Pixels, [image.Height, image.Width, 3]);
        using var output = OrtValue.CreateTensorValueFromMemory(probabilities, [1, probabilities.Length]);
        BaseNetwork.Run(model, session, [(session.InputNames[0], input)], [(PredictionContract.Probabilities, output)]);
        return probabilities;
    }
}
