using CsCheck;
using Headstart.Cache;
using Headstart.Trainer.Features;
using Headstart.Trainer.Sweeps;

namespace Headstart.Tests.Sweeps;

public sealed class FoldSplitTests
{
    private static readonly string[] Classes = ["cats", "dogs", "owls"];

    // Images of three classes, some of them under several names, some with views, some of the test split.
    private static readonly Gen<List<CacheRow>> Rows =
        Gen.Select(Gen.Int[5, 30], Gen.Int[0, 3], Gen.Int[0, 5]).Select((perClass, views, copies) =>
        {
            var rows = SyntheticCache.Rows(perClass, Classes, "train");
            rows.AddRange(SyntheticCache.Rows(5, Classes, "val"));
            rows.AddRange(SyntheticCache.Rows(4, Classes, "test"));
            rows.AddRange([.. rows.Take(copies).Select(r => r with { Path = "copy/" + r.Path })]);
            rows.AddRange([.. rows.Where((r, i) => i % 2 == 0 && r.Split == "train").SelectMany(
                r => Enumerable.Range(1, views).Select(v => r with { View = v }))]);
            return rows;
        });

    [Fact]
    public void Every_image_judges_once_and_trains_in_all_other_folds() =>
        Gen.Select(Rows, Gen.Int[2, 5], Gen.Long).Sample((rows, folds, seed) =>
        {
            var pool = RowSplit.Pool(rows, "cache");
            var splits = FoldSplit.Divide(rows, pool, "cache", folds, seed);

            Assert.Equal(folds, splits.Count);
            Assert.DoesNotContain(pool, r => rows[r].Split == "test");
            Assert.Equal(pool.Where(r => rows[r].View == 0).Order(), splits.SelectMany(s => s.Validation).Order());
            foreach (var split in splits)
            {
                var judged = split.Validation.Select(r => rows[r].Sha256).ToHashSet();
                Assert.Equal(pool.Where(r => !judged.Contains(rows[r].Sha256)), split.Train); // copies and views of an image on one side
            }
        });

    [Fact]
    public void Folds_have_as_many_images_of_each_class() => Gen.Select(Rows, Gen.Int[2, 5], Gen.Long).Sample((rows, folds, seed) =>
    {
        var splits = FoldSplit.Divide(rows, RowSplit.Pool(rows, "cache"), "cache", folds, seed);
        foreach (var label in Classes)
        {
            var counts =
                splits.Select(s => s.Validation.Where(r => rows[r].Label == label).Select(r => rows[r].Sha256).Distinct().Count()).ToList();
            Assert.InRange(counts.Max() - counts.Min(), 0, 1);
        }
    });

    [Fact]
    public void Folds_depend_on_the_images_and_the_seed_and_not_on_the_order_of_the_rows()
    {
        var rows = SyntheticCache.Rows(20, Classes);
        List<CacheRow> reversed = [.. rows.AsEnumerable().Reverse()];

        Assert.Equal(Judged(rows, 7), Judged(reversed, 7));
        Assert.NotEqual(Judged(rows, 7), Judged(rows, 8));

        static IEnumerable<string> Judged(List<CacheRow> rows, long seed) =>
            FoldSplit.Divide(rows, RowSplit.Pool(rows, "cache"), "cache", 5, seed)
                .Select(s => string.Join(' ', s.Validation.Select(r => rows[r].Path)));
    }

    [Fact]
    public void Class_with_fewer_images_than_folds_is_an_error_that_names_it()
    {
        var rows = SyntheticCache.Rows(5, ["cats"]).Concat(SyntheticCache.Rows(3, ["dogs"])).ToList();

        var error = Assert.Throws<CommandException>(() => FoldSplit.Divide(rows, RowSplit.Pool(rows, "cache"), "cache", 5, 0));

        Assert.Contains("class 'dogs' has 3 different images, too few for --folds 5", error.Message, StringComparison.Ordinal);
    }
}
