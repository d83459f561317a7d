using Headstart.Models;
using Headstart.Safetensors;
using Headstart.Trainer.FineTuning;
using static TorchSharp.torch;

namespace Headstart.Trainer.Runs;

/// <summary>The network of a run: its base, tuned already or not, with its head behind it.</summary>
internal static class TunedRun
{
    /// <summary>The network of a finished run of <c>trainer finetune</c>, ready to predict.</summary>
    /// <param name="runFolder">The run.</param>
    /// <param name="model">The base that it was tuned from.</param>
    /// <param name="after">The layer whose features will go in; null for images.</param>
    /// <param name="device">Where it computes.</param>
    /// <returns>The caller's.</returns>
    /// <exception cref="CommandException">No tuned run there, another model, or a layer inside the tuned part.</exception>
    public static TunedNetwork Load(string runFolder, ModelFile model, string? after, Device device)
    {
        var run = RunFolder.Read(runFolder);
        if (run.Tuning is not { } tuning)
        {
            throw new CommandException($"{runFolder} is a run of 'trainer train': its base was not tuned. " +
                $"Its head reads {run.Layer.Name} of the cache directly.");
        }

        tuning.RequireModel(model, runFolder);
        var network = Load(runFolder, run, model, after, device, ComputePrecision.Float32);
        network.Head.IsTraining = false;
        return network;
    }

    /// <summary>The network of a run, tuned already or not, with all weights frozen.</summary>
    /// <param name="kernels">Compute the base's convolutions; the usual ones when null.</param>
    /// <returns>The caller's.</returns>
    /// <exception cref="CommandException">As above.</exception>
    public static TunedNetwork Load(
        string runFolder, RunFile run, ModelFile model, string? after, Device device, ComputePrecision precision,
        ConvolutionKernels? kernels = null)
    {
        var tail = OnnxTail.FromModel(model, device, after, run.Layer.Name, precision, kernels);
        TunedNetwork network;
        try
        {
            network = new TunedNetwork(tail, RunFolder.LoadHead(runFolder, run, device));
        }
        catch
        {
            tail.Dispose();
            throw;
        }

        try
        {
            if (run.Tuning is not null)
            {
                var path = Path.Combine(runFolder, RunFolder.BaseName);
                network.Load([.. SafetensorsFile.Read(path).Values], path);
            }

            return network;
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }
}
