using Headstart.Cache;
using Headstart.Models;
using Headstart.Trainer.Features;
using Headstart.Trainer.Heads;
using Headstart.Trainer.Tensors;
using static TorchSharp.torch;

namespace Headstart.Trainer.Sweeps;

/// <summary>The features of chosen rows of one cache, in every form that the heads of a sweep read. The cache is read once.</summary>
internal sealed class SharedFeatures : IDisposable
{
    // Row groups that are held as they are stored while several forms are made of them: enough to keep the readers busy.
    private const int GroupsAtOnce = 8;

    private readonly IReadOnlyList<CacheRow> _rows;
    private readonly Dictionary<int, int> _slotOf;
    private readonly Dictionary<FeatureForm, FeatureSet> _sets;

    private SharedFeatures(IReadOnlyList<CacheRow> rows, Dictionary<int, int> slotOf, Dictionary<FeatureForm, FeatureSet> sets) =>
        (_rows, _slotOf, _sets) = (rows, slotOf, sets);

    /// <summary>Reads rows.</summary>
    /// <param name="cache">Where they are.</param>
    /// <param name="classes">A row's label is its class's place in here.</param>
    /// <param name="pool">Row numbers, no row twice.</param>
    /// <param name="plans">One head of each form, by the form.</param>
    /// <param name="progress">Told of images as they are read.</param>
    /// <exception cref="CommandException">As of <see cref="FeatureLoader.LoadAsync"/>.</exception>
    public static async Task<SharedFeatures> LoadAsync(
        FeatureCache cache, IReadOnlyList<string> classes, IReadOnlyList<int> pool, IReadOnlyDictionary<FeatureForm, HeadPlan> plans,
        IProgress<int> progress,
        CancellationToken cancellationToken)
    {
        var views = ImageViews.Of(cache.Rows, pool);
        var sets = new Dictionary<FeatureForm, FeatureSet>();
        try
        {
            foreach (var layer in plans.GroupBy(p => p.Key.Layer))
            {
                if (layer.ToList() is [var (form, plan)])
                {
                    using var head = new Head(plan, seed: 0, CPU);
                    var loader = new FeatureLoader(cache, cache.Layer(layer.Key), head);
                    sets.Add(form, (await loader.LoadAsync(classes, [pool], progress, cancellationToken))[0]);
                    continue;
                }

                var index = classes.Select((name, i) => (name, i)).ToDictionary(c => c.name, c => c.i, StringComparer.Ordinal);
                foreach (var (key, reads) in layer)
                {
                    int[] labels = [.. views.Images.Select(r => index[cache.Rows[r].Label!])];
                    sets.Add(key,
                        new FeatureSet(empty([pool.Count, .. Shape(reads.Stored)]).DetachFromDisposeScope(), labels, views.OtherSlots));
                }

                await FillAsync(cache, cache.Layer(layer.Key), classes, pool, views, layer, sets, progress, cancellationToken);
            }

            return new SharedFeatures(cache.Rows, pool.Zip(views.Slots).ToDictionary(p => p.First, p => p.Second), sets);
        }
        catch
        {
            foreach (var set in sets.Values)
                set.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Some of the rows, as <see cref="FeatureLoader"/> would have read them. Where they lie in one piece, nothing is copied. The caller
    /// disposes it.
    /// </summary>
    /// <param name="form">One that was read.</param>
    /// <param name="shape">Of a row: heads of one form may still see it in two shapes, as maps and flattened.</param>
    /// <param name="rows">Row numbers, no row twice.</param>
    public FeatureSet Select(FeatureForm form, LayerShape shape, IReadOnlyList<int> rows)
    {
        var all = _sets[form];
        var views = ImageViews.Of(_rows, rows);
        var from = new long[rows.Count];
        for (var i = 0; i < rows.Count; i++)
            from[views.Slots[i]] = _slotOf[rows[i]];
        int[] labels = [.. views.Images.Select(r => all.Labels[_slotOf[r]])];
        using var scope = NewDisposeScope();
        var isOnePiece = !from.Where((slot, i) => slot != from[0] + i).Any();
        var features = isOnePiece ? all.Features.narrow(0, from[0], from.Length) : all.Features.index_select(0, tensor(from));
        return new FeatureSet(features.view([-1, .. Shape(shape)]).DetachFromDisposeScope(), labels, views.OtherSlots);
    }

    public void Dispose()
    {
        foreach (var set in _sets.Values)
            set.Dispose();
    }

    // A few row groups at a time as they are stored, then each form of them to its place.
    private static async Task FillAsync(
        FeatureCache cache, ModelLayer layer, IReadOnlyList<string> classes, IReadOnlyList<int> pool, ImageViews views,
        IEnumerable<KeyValuePair<FeatureForm, HeadPlan>> forms, Dictionary<FeatureForm, FeatureSet> sets, IProgress<int> progress,
        CancellationToken cancellationToken)
    {
        var slotOf = new int[cache.Rows.Count];
        Array.Fill(slotOf, -1);
        for (var i = 0; i < pool.Count; i++)
            slotOf[pool[i]] = views.Slots[i];
        using var asStored = new Head(HeadPlan.Create(HeadSpec.Parse("flatten"), layer, classes.Count), seed: 0, CPU);
        var heads = forms.Select(f => (f.Key, Head: new Head(f.Value, seed: 0, CPU))).ToList();
        try
        {
            foreach (var groups in cache.RowGroups.Chunk(GroupsAtOnce))
            {
                int[] rows = [.. groups.SelectMany(g => Enumerable.Range(g.FirstRow, g.RowCount)).Where(r => slotOf[r] >= 0)];
                if (rows.Length == 0)
                    continue;
                using var read =
                    (await new FeatureLoader(cache, layer, asStored).LoadAsync(classes, [rows], progress, cancellationToken))[0];
                var readViews = ImageViews.Of(cache.Rows, rows);
                foreach (var (form, head) in heads)
                    Scatter(read.Features, head, layer.Shape, rows, readViews.Slots, slotOf, sets[form].Features);
            }
        }
        finally
        {
            foreach (var (_, head) in heads)
                head.Dispose();
        }
    }

    private static void Scatter(Tensor read, Head head, LayerShape shape, int[] rows, int[] readSlots, int[] slotOf, Tensor target)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var input = shape is { Height: 1, Width: 1 } ? read : read.view(-1, shape.Channels, shape.Height, shape.Width);
        var reduced = head.Reduce(input).contiguous();
        for (var i = 0; i < rows.Length; i++)
            new TensorMemory(reduced, readSlots[i], 1).GetSpan().CopyTo(new TensorMemory(target, slotOf[rows[i]], 1).GetSpan());
    }

    private static long[] Shape(LayerShape shape) =>
        shape is { Height: 1, Width: 1 } ? [shape.Channels] : [shape.Channels, shape.Height, shape.Width];
}
