using CsCheck;
using Headstart.Models;
using Headstart.Trainer.Features;
using Headstart.Trainer.Heads;
using static TorchSharp.torch;

namespace Headstart.Tests.Features;

public sealed class ImageViewsTests : IDisposable
{
    private static readonly string[] Classes = ["cats", "dogs"];
    private static readonly ModelLayer Layer = new("block", new LayerShape(3, 4, 5));

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("flatten", 7)]
    [InlineData("gap", 100)]
    public async Task Images_are_loaded_first_and_their_other_views_after_them(string spec, int partRows)
    {
        // Unequal numbers of views, as after an interrupted extraction.
        var rows = SyntheticCache.Rows(4, Classes).SelectMany((r, i) => Enumerable.Range(0, 1 + (i % 3)).Select(v => r with { View = v }))
            .ToList();
        await SyntheticCache.WriteAsync(
            _folder.Path, SyntheticCache.Contract(Layer), rows, (row, l) => SyntheticCache.Features(row, l.Shape.Length, 1), partRows);
        var cache = await Headstart.Cache.FeatureCache.OpenAsync(_folder.Path, TestContext.Current.CancellationToken);
        using var head = new Head(HeadPlan.Create(HeadSpec.Parse(spec), Layer, 2), 0, CPU);

        var sets = await new FeatureLoader(cache, Layer, head)
            .LoadAsync(Classes, [[.. Enumerable.Range(0, rows.Count)]], new Progress<int>(), TestContext.Current.CancellationToken);

        using var set = Assert.Single(sets);
        Assert.Equal([0, 0, 0, 0, 1, 1, 1, 1], set.Labels);
        var plain = rows.Where(r => r.View == 0).ToList();
        using var noGradient = no_grad();
        for (var epoch = 1; epoch <= 20; epoch++)
        {
            var drawn = new int[set.Count];
            set.DrawViews([.. Enumerable.Range(0, set.Count)], seed: 1, epoch, drawn);
            for (var i = 0; i < set.Count; i++)
            {
                using var scope = NewDisposeScope();
                var candidates = rows.Where(r => r.Path == plain[i].Path)
                    .Select(r => head.Reduce(tensor(SyntheticCache.Features(r, Layer.Shape.Length, 1), [1, 3, 4, 5])).contiguous()
                        .data<float>().ToArray()).ToList();
                Assert.Equal(candidates[0], set.Row(i).ToArray());
                Assert.Contains(set.Row(drawn[i]).ToArray(), candidates);
            }
        }
    }

    [Fact]
    public void Each_view_of_an_image_is_drawn_equally_often_by_seed_epoch_and_image_and_not_by_the_order()
    {
        const int Epochs = 3000;
        using var set = new FeatureSet(zeros(8, 1).DetachFromDisposeScope(), [0, 1, 1], [[3, 4], [], [5, 6, 7]]);
        var counts = new int[8];
        for (var epoch = 1; epoch <= Epochs; epoch++)
        {
            var forwards = new int[3];
            var backwards = new int[3];
            set.DrawViews([0, 1, 2], 5, epoch, forwards);
            set.DrawViews([2, 1, 0], 5, epoch, backwards);
            Assert.Equal(forwards, backwards.Reverse());
            foreach (var row in forwards)
                counts[row]++;
        }

        // 5 standard errors: 130 of 1,000 thirds, 120 of 750 quarters.
        Assert.Equal(Epochs, counts[1]);
        Assert.All((int[])[0, 3, 4], r => Assert.InRange(counts[r], 870, 1130));
        Assert.All((int[])[2, 5, 6, 7], r => Assert.InRange(counts[r], 630, 870));
    }

    [Fact]
    public void Every_chosen_row_has_a_place_of_its_own_and_images_keep_the_rows_order() =>
        Gen.Select(Gen.Int[1, 10], Gen.Int[0, 4], Gen.Int).Sample((perClass, views, seed) =>
        {
            var rows = SyntheticCache.Rows(perClass, Classes)
                .SelectMany(r => Enumerable.Range(0, views + 1).Select(v => r with { View = v })).ToArray();
            int[] chosen = [.. Enumerable.Range(0, rows.Length)];
            new Random(seed).Shuffle(chosen);

            var found = ImageViews.Of(rows, chosen);

            Assert.Equal(Enumerable.Range(0, rows.Length), found.Slots.Order());
            Assert.Equal(chosen.DistinctBy(r => rows[r].Path), found.Images);
            Assert.Equal(views == 0, found.OtherSlots is null);
            for (var i = 0; i < found.Images.Count; i++)
            {
                var others = found.OtherSlots?[i] ?? [];
                Assert.Equal(views, others.Length);
                Assert.All(others, slot => Assert.Equal(rows[found.Images[i]].Path, rows[chosen[Array.IndexOf(found.Slots, slot)]].Path));
            }
        });
}
