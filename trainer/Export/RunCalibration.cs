using System.Text.Json;
using Headstart.CommandLine;
using Headstart.Training.Runs;

namespace Headstart.Training.Export;

/// <summary>How a run's logits become probabilities and a decision.</summary>
/// <param name="Temperature">Logits are divided by it; 1 where none was fitted.</param>
/// <param name="Threshold">Of two classes the second is decided for above it; 0.5 where none was chosen.</param>
internal sealed record RunCalibration(double Temperature, double Threshold)
{
    /// <summary>The <c>calibration</c> of <c>run.json</c>.</summary>
    /// <exception cref="CommandException">Values that make no sense.</exception>
    public static RunCalibration Of(string folder)
    {
        var path = Path.Combine(folder, RunFolder.RunName);
        using var document = JsonDocument.Parse(File.ReadAllText(path));
        if (!document.RootElement.TryGetProperty("calibration", out var calibration))
            return new RunCalibration(1, 0.5);
        var (temperature, threshold) = (Value("temperature", 1), Value("threshold", 0.5));
        return temperature > 0 && double.IsFinite(temperature) && threshold is >= 0 and <= 1
            ? new RunCalibration(temperature, threshold)
            : throw new CommandException($"{path}: temperature {temperature} and threshold {threshold}; the first must be above 0, the second from 0 to 1. Train again.");

        double Value(string name, double absent) =>
            calibration.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : absent;
    }
}
