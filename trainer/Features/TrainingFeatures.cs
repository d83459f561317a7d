using Headstart.Trainer.Heads;

namespace Headstart.Trainer.Features;

/// <summary>What a training learns from and what judges it: in memory, or read from the caches in every epoch.</summary>
internal sealed class TrainingFeatures : IDisposable
{
    private readonly IDisposable?[] _owned;

    private TrainingFeatures(FeatureSource train, FeatureSource validation, params IDisposable?[] owned)
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
    /// <param name="spillFolder">Gets a temporary file of features that don't fit into memory and are read again; null to read the cache
    /// again.</param>
    /// <param name="progress">Told of images as they are read into memory.</param>
    /// <returns>The caller owns it.</returns>
    /// <exception cref="CommandException">As of <see cref="FeatureLoader.LoadAsync"/>.</exception>
    public static async Task<TrainingFeatures> OpenAsync(
        TrainingData data, MemoryPlan plan, Head head, string? spillFolder, IProgress<int> progress, CancellationToken cancellationToken)
    {
        if (plan.BlockRows is not { } blockRows)
        {
            var loaded = await data.LoadAsync(head, progress, cancellationToken);
            return new TrainingFeatures(loaded.Train, loaded.Validation, loaded.Train, loaded.Validation);
        }

        var held = plan.HoldsValidation ? await data.LoadValidationAsync(head, progress, cancellationToken) : null;
        var reader = new RowGroupReader(data.Layer, head);
        var buffers = new BlockBuffers(reader.RowShape, blockRows);
        var spill = spillFolder is null ? null : SpillFile.TryCreate(spillFolder, data.Joined.Rows.Count);
        var train = StreamedFeatures.Of(data.Joined, data.Split.Train, data.Classes, reader, spill, buffers);

        // A cache of its own for validation is mostly the smaller one, and the disk is shared.
        FeatureSource validation = held is not null ? held
            : StreamedFeatures.Of(
                data.Judging, data.Split.Validation, data.Classes, reader, data.ValidationCache is null ? spill : null, buffers);
        return new TrainingFeatures(train, validation, train, validation, buffers, reader, spill);
    }

    public void Dispose()
    {
        foreach (var owned in _owned)
            owned?.Dispose();
    }
}
