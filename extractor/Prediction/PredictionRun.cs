using Headstart.Extraction.Pipeline;
using Headstart.Extraction.Runtime;
using Headstart.Images;
using Headstart.Models;

namespace Headstart.Extraction.Prediction;

/// <summary>Asks an exported model about every image of a set, in the set's order.</summary>
/// <param name="model">An exported model.</param>
/// <param name="batchSize">Images computed at once; null for the usual number. A model that takes pixels takes one at a time.</param>
/// <param name="threads">To decode and to compute with.</param>
/// <exception cref="CommandException">The model is a base.</exception>
internal sealed class PredictionRun(ModelFile model, ExecutionDevice device, int? batchSize, int threads)
{
    private readonly PredictionContract _decision = model.Contract.Prediction
        ?? throw new CommandException($"{model.Path} is a base: it gives features, and a head is what decides. Train one, and join the " +
            $"two with 'trainer export RUN --model {model.Path} --out MODEL.onnx'.");

    /// <summary>Told once where the network runs, where there is something to tell.</summary>
    public Action<string> Say { get; init; } = _ => { };

    /// <param name="images">The set.</param>
    /// <param name="report">Called for one image after the other, from one thread at a time.</param>
    /// <param name="cancellationToken">Stops the run.</param>
    /// <exception cref="CommandException">A device that isn't there, or a graph that ONNX Runtime refuses.</exception>
    public Task RunAsync(ImageSet images, Action<PredictedImage> report, CancellationToken cancellationToken) => _decision.RawInput
        ? Task.Run(() => RunPixels(images, report, cancellationToken), cancellationToken)
        : RunTensorsAsync(images, report, cancellationToken);

    private async Task RunTensorsAsync(ImageSet images, Action<PredictedImage> report, CancellationToken cancellationToken)
    {
        using var network = BaseNetwork.Load(model, [PredictionContract.Probabilities], device, threads);
        Tell(network.Provider);
        var batch = network.FixedBatch ?? batchSize ?? Math.Min(network.Provider.IsCpu ? 8 : 32, images.Items.Count);
        var pipeline = new FeaturePipeline(network, batch, threads, new StageTimes(), null);
        await pipeline.RunAsync([.. images.Items.Select(i => new PlannedRow(i, 0))], Write, cancellationToken);

        Task Write(FeatureBatch filled)
        {
            for (var i = 0; i < filled.Count; i++)
            {
                var slot = filled.Slots[i];
                report(slot.Rejection is null
                    ? Decided(slot.Item, filled.FeaturesOf(i)[0].ToArray())
                    : new PredictedImage(slot.Item, null, -1, slot.Rejection));
            }

            return Task.CompletedTask;
        }
    }

    private void RunPixels(ImageSet images, Action<PredictedImage> report, CancellationToken cancellationToken)
    {
        var (session, provider) = BaseNetwork.Open(model, model.Proto, device, threads);
        using var _ = session;
        Tell(provider);
        var network = new PixelNetwork(model, session);
        var memory = new DecodingMemory();
        foreach (var item in images.Items)
        {
            cancellationToken.ThrowIfCancellationRequested();
            report(Ask(network, item, memory));
        }
    }

    private PredictedImage Ask(PixelNetwork network, ImageItem item, DecodingMemory memory)
    {
        using var share = memory.Open();
        try
        {
            return Decided(item, network.Run(DecodedPicture.Read(item.File, model.Contract.Preprocessing.Exif, share).Pixels));
        }
        catch (ImageRejectedException e)
        {
            return new PredictedImage(item, null, -1, e.Message);
        }
    }

    private PredictedImage Decided(ImageItem item, float[] probabilities) =>
        new(item, probabilities, _decision.Decide(probabilities), null);

    private void Tell(ExecutionProvider provider)
    {
        if (provider.Notice is { } notice)
            Say(notice);
    }
}
