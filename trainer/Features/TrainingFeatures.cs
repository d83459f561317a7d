using Headstart.Training.Heads;

namespace Headstart.Training.Features;

/// <summary>What a training learns from and what judges it: in memory, or read from the caches in every epoch.</summary>
internal sealed class TrainingFeatures : IDisposable
{
    private readonly IDisposable[] _owned;

    private TrainingFeatures(FeatureSource train, FeatureSource validation, params IDisposable[] owned)
    {
        Train = train;
        Validation = validation;
        _owned = owned;
    }

    public FeatureSource Train { get; }

    public FeatureSource Validation { get; }

    /// <param name="data">What to read.</param>
    /// <param name="plan">What of it into memory.</param>
    /// <param name="head">Its fixed pieces are computed while reading; must live longer than the result.</param>
    /// <param name="progress">Told of images as they are read into memory.</param>
    /// <returns>The caller owns it.</returns>
    /// <exception cref="CommandLine.CommandException">As of <see cref="FeatureLoader.LoadAsync"/>.</exception>
    public static async Task<TrainingFeatures> OpenAsync(TrainingData data, MemoryPlan plan, Head head, IProgress<int> progress, CancellationToken cancellationToken)
    {
        if (plan.BlockRows is not { } blockRows)
        {
            var loaded = await data.LoadAsync(head, progress, cancellationToken).ConfigureAwait(false);
            return new TrainingFeatures(loaded.Train, loaded.Validation, loaded.Train, loaded.Validation);
        }

        var held = plan.HoldsValidation ? await data.LoadValidationAsync(head, progress, cancellationToken).ConfigureAwait(false) : null;
        var reader = new RowGroupReader(data.Layer, head);
        var buffers = new BlockBuffers(reader.RowShape, blockRows);
        var train = StreamedFeatures.Of(data.Joined, data.Split.Train, data.Classes, reader, buffers);
        FeatureSource validation = held is null ? StreamedFeatures.Of(data.Judging, data.Split.Validation, data.Classes, reader, buffers) : held;
        return new TrainingFeatures(train, validation, train, validation, buffers, reader);
    }

    public void Dispose()
    {
        foreach (var owned in _owned)
            owned.Dispose();
    }
}
