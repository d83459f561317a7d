using Headstart.Cache;
using Headstart.Models;
using Headstart.Trainer.Heads;
using static TorchSharp.torch;

namespace Headstart.Trainer.Features;

/// <summary>Reads rows of caches into memory, all at once: in parallel, straight into the tensors' memory, each row group once.</summary>
internal sealed class FeatureLoader
{
    // A row group being read takes about 100 MB with its levels; more readers than this gain nothing on one disk.
    private const int MaximumReaders = 8;

    private readonly JoinedCache _cache;
    private readonly ModelLayer _layer;
    private readonly Head? _head;
    private readonly int _readers;
    private readonly Lock _gate = new();
    private int _firstBadRow = int.MaxValue;

    /// <param name="cache">Where the features are.</param>
    /// <param name="layer">Which of them.</param>
    /// <param name="head">The head that will read them; null for the features as they are.</param>
    /// <param name="readers">How many row groups are read at a time, at most.</param>
    public FeatureLoader(JoinedCache cache, ModelLayer layer, Head? head, int readers = MaximumReaders)
    {
        _cache = cache;
        _layer = layer;
        _head = head;
        _readers = Math.Min(readers, Environment.ProcessorCount);
    }

    public FeatureLoader(FeatureCache cache, ModelLayer layer, Head? head)
        : this(new JoinedCache([cache]), layer, head)
    {
    }

    /// <summary>Loads selections of rows, each into a set of its own.</summary>
    /// <param name="classes">A row's label is its class's place in here.</param>
    /// <param name="selections">
    /// Row numbers; no row in two of them. The rows of one image (cache, path, bytes, label and split) are its views, and the first of them
    /// in the selection stands for it. Each set has its images in the selection's order.
    /// </param>
    /// <param name="progress">Told of images as they are loaded.</param>
    /// <param name="cancellationToken">Stops between two row groups.</param>
    /// <returns>One set a selection; the caller owns them.</returns>
    /// <exception cref="CommandException">A feature is NaN or infinite (the message names the first row), or a part can't be
    /// read.</exception>
    public async Task<FeatureSet[]> LoadAsync(
        IReadOnlyList<string> classes, IReadOnlyList<int>[] selections, IProgress<int> progress, CancellationToken cancellationToken)
    {
        using var reader = new RowGroupReader(_layer, _head);
        var sets = new List<FeatureSet>();
        try
        {
            var places = new RowPlace[_cache.Rows.Count];
            foreach (var rows in selections)
            {
                var views = ImageViews.Of(_cache.Rows, rows, _cache.CacheOf);
                var set = new FeatureSet(empty([rows.Count, .. reader.RowShape]).DetachFromDisposeScope(),
                    ClassIndex.Of(_cache.Rows, views.Images, classes), views.OtherSlots);
                sets.Add(set);
                for (var i = 0; i < rows.Count; i++)
                    places[rows[i]] = new RowPlace(set.Features, views.Slots[i]);
            }

            var groups = _cache.RowGroups.Where(g => places.AsSpan(g.FirstRow, g.RowCount).ContainsAnyExcept(default(RowPlace)));
            var parallel = new ParallelOptions { MaxDegreeOfParallelism = _readers, CancellationToken = cancellationToken };
            await Parallel.ForEachAsync(groups, parallel, async (group, token) =>
            {
                var bad = await reader.ReadAsync(group, places[group.FirstRow..(group.FirstRow + group.RowCount)], null, token);
                lock (_gate)
                {
                    // Every group is looked at even after a bad row, so that the row which is named does not depend on which reader was
                    // faster.
                    _firstBadRow = Math.Min(_firstBadRow, bad ?? int.MaxValue);
                    progress.Report(group.RowCount);
                }
            });
            return _firstBadRow == int.MaxValue ? [.. sets] : throw reader.NotFinite(_cache, _firstBadRow);
        }
        catch
        {
            foreach (var set in sets)
                set.Dispose();
            throw;
        }
    }
}
