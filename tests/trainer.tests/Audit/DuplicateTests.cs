using Headstart.Cache;
using Headstart.Models;
using Headstart.Trainer.Audit;
using Headstart.Trainer.Evaluation;

namespace Headstart.Tests.Audit;

public sealed class DuplicateTests : IDisposable
{
    private const int Planted = 20;
    private static readonly ModelLayer Maps = new("maps", new LayerShape(160, 5, 4));
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Slightly_changed_and_mirrored_features_are_near_duplicates_and_nothing_else_is()
    {
        var rows = SyntheticCache.Rows(100, ["cats", "dogs"]);
        for (var i = 0; i < Planted; i++)
        {
            rows.Add(rows[i] with { Path = $"again/{i:D2}.jpg", Sha256 = $"again {i}" });
            rows.Add(rows[i] with { Path = $"mirrored/{i:D2}.jpg", Sha256 = $"mirrored {i}" });
        }

        var audit = await AuditAsync(
            rows, row => row.Path.StartsWith("again/", StringComparison.Ordinal) ? Noisy(Features(Original(row)), row.Path)
                : row.Path.StartsWith("mirrored/", StringComparison.Ordinal) ? Mirrored(Features(Original(row))) : Features(row));

        var pairs = audit.Duplicates.Pairs.Select(p => (A: p.Image.Path, B: p.Other.Path)).ToHashSet();
        Assert.Equal(3 * Planted, pairs.Count); // the two copies are a pair too
        Assert.All(Enumerable.Range(0, Planted), i =>
        {
            Assert.Contains(($"again/{i:D2}.jpg", $"cats/{i:D4}.jpg"), pairs);
            Assert.Contains(($"cats/{i:D4}.jpg", $"mirrored/{i:D2}.jpg"), pairs);
        });
        Assert.Equal(Planted, audit.Duplicates.Pairs.Select(p => p.Group).Distinct().Count());

        CacheRow Original(CacheRow copy) => rows[int.Parse(copy.Path[^6..^4], System.Globalization.CultureInfo.InvariantCulture)];
    }

    [Fact]
    public async Task Equal_files_are_exact_duplicates_in_the_group_of_their_near_ones()
    {
        var rows = SyntheticCache.Rows(40, ["cats", "dogs"]);
        rows.Add(rows[0] with { Path = "x/copy.jpg", Label = "dogs", Split = "val" });
        rows.Add(rows[0] with { Path = "y/near.jpg", Sha256 = "another" });

        var audit = await AuditAsync(
            rows, row => row.Path[0] == 'x' ? Features(rows[0]) : row.Path[0] == 'y' ? Noisy(Features(rows[0]), "y") : Features(row));

        Assert.Equal((1, 1), (audit.Duplicates.Exact, audit.Duplicates.Near));
        var (exact, near) = (audit.Duplicates.Pairs[0], audit.Duplicates.Pairs[1]);
        Assert.Equal((true, true, true), (exact.IsExact, exact.CrossesSplits, exact.HasTwoLabels));
        Assert.Equal((false, false, false), (near.IsExact, near.CrossesSplits, near.HasTwoLabels));
        Assert.Equal(exact.Group, near.Group);
    }

    [Fact]
    public async Task A_picture_set_of_one_image_or_without_labels_can_be_audited()
    {
        var one = await AuditAsync([new CacheRow("a.jpg", null, null, "a", 300, 300, 0)], Features);
        var unlabelled = await AuditAsync([.. SyntheticCache.Rows(30, ["x"]).Select(r => r with { Label = null })], Features);

        Assert.Empty(one.Duplicates.Pairs);
        Assert.Empty(unlabelled.Duplicates.Pairs);
        Assert.Null(unlabelled.Labels);
        Assert.Equal(30, unlabelled.Outliers.Count);
    }

    [Fact]
    public async Task An_image_far_from_its_class_is_the_first_outlier()
    {
        var rows = SyntheticCache.Rows(60, ["cats", "dogs"]);

        var audit = await AuditAsync(rows, row => row.Path == "dogs/0007.jpg"
            ? SyntheticCache.Features(row with { Label = "lizards" }, Maps.Shape.Length, 1)
            : Features(row));

        Assert.Equal("dogs/0007.jpg", audit.Outliers[0].Image.Path);
        Assert.True(audit.Outliers[0].IsOutlier);
    }

    [Fact]
    public void The_threshold_is_where_a_normal_tail_would_hold_a_tenth_of_a_pair_and_stays_in_its_bounds()
    {
        // scipy.stats.norm.ppf(1 - 0.1 / 10000) = 4.264891; the tenth percentile lies 1.281552 deviations below the median.
        Assert.Equal(0.3 + (0.08 * 4.264891), NearDuplicates.Fitted(Normal(0.3, 0.08), 10_000), 2e-3);
        Assert.Equal(0.57, NearDuplicates.Fitted(Normal(0.1, 0.01), 10_000));
        Assert.Equal(0.95, NearDuplicates.Fitted(Normal(0.8, 0.2), 10_000));

        static double[] Normal(double mean, double deviation) =>
            [.. Enumerable.Range(0, 10_001).Select(i => mean + (deviation * NormalDistribution.Quantile((i + 0.5) / 10_001)))];
    }

    private static float[] Features(CacheRow row) => SyntheticCache.Features(row, Maps.Shape.Length, signal: 1);

    private static float[] Noisy(float[] features, string seed)
    {
        var random = new SeededRandom(0, "noise " + seed);
        return [.. features.Select(f => f + (random.NextBelow(1000) / 1000f) - 0.5f)];
    }

    private static float[] Mirrored(float[] features)
    {
        var width = Maps.Shape.Width;
        return [.. features.Select((_, i) => features[i - (i % width) + (width - 1 - (i % width))])];
    }

    private async Task<DataAudit> AuditAsync(IReadOnlyList<CacheRow> rows, Func<CacheRow, float[]> features)
    {
        var folder = _folder.File(Guid.NewGuid().ToString("N"));
        await SyntheticCache.WriteAsync(folder, SyntheticCache.Contract(Maps), rows, (row, _) => features(row));
        var cache = await FeatureCache.OpenAsync(folder, TestContext.Current.CancellationToken);
        return await DataAudit.RunAsync(cache, Maps, seed: 0, TimeProvider.System, TestContext.Current.CancellationToken);
    }
}
