using Headstart.Models;
using Headstart.Trainer.Features;
using Headstart.Trainer.Heads;

namespace Headstart.Trainer.Sweeps;

/// <summary>What a sweep reads: the caches, opened once, and which rows train and validate in each repeat of a trial.</summary>
/// <remarks>
/// Without folds a repeat has the split that <c>trainer train</c> makes with its seed. With folds, training and validation rows are one
/// pool, and the test split stays out of it.
/// </remarks>
internal sealed class SweepData
{
    private readonly TrainingData _data;
    private readonly double _valSplit;
    private readonly int? _folds;
    private readonly bool _isDrawn;
    private readonly Dictionary<(long Seed, int? Fold), RowSplit> _splits = [];

    private SweepData(TrainingData data, double valSplit, int? folds)
    {
        (_data, _valSplit, _folds) = (data, valSplit, folds);

        // Where the cache or another one names what validates, seeds change nothing about it.
        _isDrawn = folds is not null || (data.ValidationCache is null && !RowSplit.NamesValidation(data.Cache.Rows));
    }

    public TrainingData Data => _data;

    /// <summary>How many rows <see cref="LoadAsync"/> reports as progress, for each layer.</summary>
    public int RowsToRead => _data.RowsToRead;

    /// <param name="folder">The cache to train on.</param>
    /// <param name="valFolder">Another one to validate on, or null.</param>
    /// <param name="valSplit">Fraction of each class to validate on, where nothing else says which.</param>
    /// <param name="folds">How many; null for none.</param>
    /// <param name="seed">Of the first training.</param>
    /// <exception cref="CommandException">As of <c>TrainingData.OpenAsync</c>.</exception>
    public static async Task<SweepData> OpenAsync(
        string folder, string? valFolder, double valSplit, int? folds, long seed, CancellationToken cancellationToken)
    {
        var data = await TrainingData.OpenAsync(folder, valFolder, layer: null, valSplit, seed, cancellationToken);
        return new SweepData(data, valSplit, folds);
    }

    /// <summary>The layer that a trial reads.</summary>
    /// <exception cref="CommandException">The cache has no such layer.</exception>
    public ModelLayer Layer(string? name) => name is null ? _data.Layer : _data.Cache.Layer(name);

    /// <summary>The rows of one repeat; repeats with the same rows get the same object.</summary>
    /// <param name="seed">Of the training.</param>
    /// <param name="fold">From 1; null without folds.</param>
    public RowSplit Split(long seed, int? fold)
    {
        if (!_isDrawn)
            return _data.Split;
        if (_splits.TryGetValue((seed, fold), out var known))
            return known;
        var cache = _data.Cache;
        if (_folds is null)
            return _splits[(seed, null)] = RowSplit.Of(cache.Rows, cache.Folder, _valSplit, seed);
        var divided = FoldSplit.Divide(cache.Rows, RowSplit.Pool(cache.Rows, cache.Folder), cache.Folder, _folds.Value, seed);
        for (var f = 0; f < divided.Count; f++)
            _splits[(seed, f + 1)] = divided[f];
        return _splits[(seed, fold)];
    }

    /// <summary>
    /// The images that judge in one repeat, in the order in which they are judged; equal numbers are equal images in every repeat.
    /// </summary>
    /// <inheritdoc cref="Split"/>
    public IReadOnlyList<int> JudgedImages(long seed, int? fold) =>
        ImageViews.Of((_data.ValidationCache ?? _data.Cache).Rows, Split(seed, fold).Validation).Images;

    /// <summary>The rows that <c>trainer train</c> would take with this seed, folds or not.</summary>
    public RowSplit TrainSplit(long seed) => _folds is null ? Split(seed, null)
        : RowSplit.Of(_data.Cache.Rows, _data.Cache.Folder, _valSplit, seed);

    /// <summary>Reads every row that one of the splits needs, in every form that a head needs.</summary>
    public async Task<SweepFeatures> LoadAsync(
        IEnumerable<RowSplit> splits, IReadOnlyDictionary<FeatureForm, HeadPlan> plans, IProgress<int> progress,
        CancellationToken cancellationToken)
    {
        var cache = _data.Cache;
        if (_data.ValidationCache is { } other)
        {
            var train = await SharedFeatures.LoadAsync(cache, _data.Classes, splits.First().Train, plans, progress, cancellationToken);
            try
            {
                return new SweepFeatures(train,
                    await SharedFeatures.LoadAsync(other, _data.Classes, _data.Split.Validation, plans, progress, cancellationToken));
            }
            catch
            {
                train.Dispose();
                throw;
            }
        }

        // The first split lies in one piece, validation first because views come last: where it is the only one, nothing is ever copied.
        var rows = splits.Distinct().SelectMany(s => s.Validation.Concat(s.Train)).Distinct().ToList();
        var pool = await SharedFeatures.LoadAsync(cache, _data.Classes, rows, plans, progress, cancellationToken);
        return new SweepFeatures(pool, pool);
    }
}

/// <summary>The features of a sweep in memory.</summary>
internal sealed record SweepFeatures(SharedFeatures Train, SharedFeatures Validation) : IDisposable
{
    /// <summary>The two sets of a split; the caller disposes them.</summary>
    public (FeatureSet Train, FeatureSet Validation) Select(FeatureForm form, LayerShape shape, RowSplit split) =>
        (Train.Select(form, shape, split.Train), Validation.Select(form, shape, split.Validation));

    public void Dispose()
    {
        Train.Dispose();
        Validation.Dispose();
    }
}
