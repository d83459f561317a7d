using Headstart.Cache;
using Headstart.Models;
using Headstart.Trainer.Heads;

namespace Headstart.Trainer.Features;

/// <summary>What a training reads: which layer of which caches, which rows learn and which judge.</summary>
/// <param name="Joined">The caches that train; they validate too where there is no other.</param>
/// <param name="ValidationCache">Validates; null where those that train do both.</param>
/// <param name="Layer">What the head reads.</param>
/// <param name="Split">The rows.</param>
/// <param name="Classes">Their names, in order; a label is a place in here.</param>
internal sealed record TrainingData(
    JoinedCache Joined, FeatureCache? ValidationCache, ModelLayer Layer, RowSplit Split, IReadOnlyList<string> Classes)
{
    /// <summary>The cache that trains; of several the first.</summary>
    public FeatureCache Cache => Joined.Caches[0];

    /// <summary>The images that validate, in the order in which they are loaded.</summary>
    public IReadOnlyList<string> ValidationPaths
    {
        get
        {
            var judging = Judging;
            return [.. ImageViews.Of(judging.Rows, Split.Validation, judging.CacheOf).Images.Select(r => judging.Rows[r].Path)];
        }
    }

    /// <summary>How many rows a <see cref="LoadAsync"/> reports as progress.</summary>
    public int RowsToRead => Joined.Rows.Count + (ValidationCache?.Rows.Count ?? 0);

    /// <summary>Where the rows are that validate.</summary>
    public JoinedCache Judging => ValidationCache is null ? Joined : new JoinedCache([ValidationCache]);

    /// <summary>Opens a cache and divides its rows; reads no features.</summary>
    /// <param name="folder">The cache to train on.</param>
    /// <param name="valFolder">Another one to validate on, or null.</param>
    /// <param name="layer">The layer's name; the deepest when null.</param>
    /// <param name="valSplit">Fraction of each class to validate on, where nothing else says which.</param>
    /// <param name="seed">Decides which.</param>
    /// <exception cref="CommandException">A cache that can't be read, or two that don't fit each other; a split that can't be
    /// made.</exception>
    public static Task<TrainingData> OpenAsync(
        string folder, string? valFolder, string? layer, double valSplit, long seed, CancellationToken cancellationToken) =>
        OpenAsync([folder], valFolder, layer, valSplit, seed, cancellationToken);

    /// <summary>Opens caches and divides their rows; reads no features.</summary>
    /// <param name="folders">The caches to train on; the same network must have made them, and classes are matched by name.</param>
    /// <param name="valFolder">Another one to validate on, or null.</param>
    /// <param name="layer">The layer's name; the deepest of the first cache when null.</param>
    /// <param name="valSplit">Fraction of each class to validate on, where nothing else says which.</param>
    /// <param name="seed">Decides which.</param>
    /// <exception cref="CommandException">A cache that can't be read, or that doesn't fit the others; a split that can't be
    /// made.</exception>
    public static async Task<TrainingData> OpenAsync(
        IReadOnlyList<string> folders, string? valFolder, string? layer, double valSplit, long seed, CancellationToken cancellationToken)
    {
        if (folders.Select(Path.GetFullPath).GroupBy(f => Path.TrimEndingDirectorySeparator(f), StringComparer.Ordinal)
            .FirstOrDefault(g => g.Count() > 1) is { } twice)
            throw CommandException.Usage($"{twice.Key} is given twice. Name each cache once.");
        var first = await FeatureCache.OpenAsync(folders[0], cancellationToken);
        var read = layer is null ? first.Contract.Layers[^1] : first.Layer(layer);
        var caches = new List<FeatureCache> { first };
        foreach (var folder in folders.Skip(1))
            caches.Add(await OpenLikeAsync(folder, first, first.Contract with { Layers = [read] }, read, cancellationToken));

        // Validation reads plain images only, so it doesn't matter from what either cache's views were drawn.
        var joined = new JoinedCache(caches);
        var val = valFolder is null
            ? null
            : await OpenLikeAsync(valFolder, first, first.Contract with { Layers = [read], Augmentation = null }, read, cancellationToken);
        try
        {
            var sources = caches.Select(c => new RowSource(c.Folder, c.Rows)).ToList();
            var split = val is null ? RowSplit.Of(sources, valSplit, seed) : RowSplit.Between(sources, new RowSource(val.Folder, val.Rows));
            if (caches.Count == 1)
            {
                var leaks = KnownDuplicates.Warnings(first, split.Train, val ?? first, split.Validation);
                split = split with { Notes = [.. split.Notes, .. leaks] };
            }

            return new TrainingData(joined, val, read, split, RowSplit.Classes(joined.Rows, split.Train));
        }
        catch (CommandException e) when (caches.Append(val).FirstOrDefault(c => c?.Completeness.Complete == false) is { } cut)
        {
            // What is not there yet is mostly why.
            throw new CommandException($"{e.Message} {cut.Folder} is {cut.Completeness.Words}.", e.ExitCode, e);
        }
    }

    /// <summary>Says what users of these caches should know, one line each; see <see cref="FolderWords.Warn"/>.</summary>
    /// <exception cref="CommandException">A cache is not complete, and <paramref name="requireComplete"/>.</exception>
    public void WarnOfCaches(bool requireComplete, TextWriter error)
    {
        foreach (var cache in ValidationCache is null ? Joined.Caches : [.. Joined.Caches, ValidationCache])
            FolderWords.Warn(cache, requireComplete, error);
    }

    /// <summary>Reads the features that the head needs into memory.</summary>
    /// <param name="head">Its fixed pieces are computed while reading.</param>
    /// <param name="progress">Told of images as they are read.</param>
    /// <returns>The rows that train and those that validate; the caller owns both.</returns>
    /// <exception cref="CommandException">As of <see cref="FeatureLoader.LoadAsync"/>.</exception>
    public async Task<(FeatureSet Train, FeatureSet Validation)> LoadAsync(
        Head head, IProgress<int> progress, CancellationToken cancellationToken)
    {
        var loader = new FeatureLoader(Joined, Layer, head);
        if (ValidationCache is null)
        {
            var both = await loader.LoadAsync(Classes, [Split.Train, Split.Validation], progress, cancellationToken);
            return (both[0], both[1]);
        }

        var train = await loader.LoadAsync(Classes, [Split.Train], progress, cancellationToken);
        try
        {
            return (train[0], await LoadValidationAsync(head, progress, cancellationToken));
        }
        catch
        {
            train[0].Dispose();
            throw;
        }
    }

    /// <summary>Reads the features of the rows that validate into memory.</summary>
    /// <param name="head">Its fixed pieces are computed while reading.</param>
    /// <param name="progress">Told of images as they are read.</param>
    /// <returns>The caller owns it.</returns>
    /// <exception cref="CommandException">As of <see cref="FeatureLoader.LoadAsync"/>.</exception>
    public async Task<FeatureSet> LoadValidationAsync(Head head, IProgress<int> progress, CancellationToken cancellationToken)
    {
        var loader = new FeatureLoader(Judging, Layer, head, BlockPass.Readers);
        return (await loader.LoadAsync(Classes, [Split.Validation], progress, cancellationToken))[0];
    }

    private static async Task<FeatureCache> OpenLikeAsync(
        string folder, FeatureCache first, CacheContract ours, ModelLayer layer, CancellationToken cancellationToken)
    {
        var other = await FeatureCache.OpenAsync(folder, cancellationToken);
        if (ours.FirstDifference(other.Contract with { Layers = [other.Layer(layer.Name)] }) is { } difference)
        {
            throw new CommandException(
                $"{folder} was made with {difference.Field} '{difference.Right}', but {first.Folder} with '{difference.Left}': " +
                "figures on it would mean nothing. Extract it again with the same model.");
        }

        return other;
    }
}
