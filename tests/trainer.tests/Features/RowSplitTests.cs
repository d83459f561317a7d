using CsCheck;
using Headstart.Cache;
using Headstart.Trainer.Features;

namespace Headstart.Tests.Features;

public sealed class RowSplitTests
{
    private static readonly string[] Classes = ["cats", "dogs"];

    [Fact]
    public void Split_column_is_followed_and_the_test_split_left_alone()
    {
        List<CacheRow> rows = [.. SyntheticCache.Rows(
            3, Classes, "train"), .. SyntheticCache.Rows(2, Classes, "test"), .. SyntheticCache.Rows(2, Classes, "Validation")];

        var split = RowSplit.Of(rows, "cache", 0.2, 0);

        Assert.All(split.Train, r => Assert.Equal("train", rows[r].Split));
        Assert.All(split.Validation, r => Assert.Equal("Validation", rows[r].Split));
        Assert.Equal((6, 4), (split.Train.Count, split.Validation.Count));
        Assert.Empty(split.Notes);
    }

    [Fact]
    public void Without_validation_rows_a_split_is_drawn_from_the_training_rows()
    {
        List<CacheRow> rows = [.. SyntheticCache.Rows(10, Classes, "train"), .. SyntheticCache.Rows(10, Classes, "test")];

        var split = RowSplit.Of(rows, "cache", 0.2, 0);

        Assert.Equal((16, 4), (split.Train.Count, split.Validation.Count));
        Assert.All(split.Train.Concat(split.Validation), r => Assert.Equal("train", rows[r].Split));
    }

    /// <summary>Duplicates share a checksum, views share a path and a checksum.</summary>
    [Fact]
    public void Drawn_split_is_stratified_keeps_copies_together_and_ignores_the_order_of_rows() =>
        Gen.Select(Gen.Int[2, 12], Gen.Int[2, 12], Gen.Int[0, 3], Gen.Int[0, 2], Gen.Double[0.05, 0.95], Gen.Int)
            .Sample((cats, dogs, copies, views, fraction, seed) =>
            {
                var plain = SyntheticCache.Rows(cats, ["cats"]).Concat(SyntheticCache.Rows(dogs, ["dogs"])).ToList();
                plain.AddRange(Enumerable.Range(0, copies).Select(i => plain[i % cats] with { Path = $"cats/copy{i}.jpg" }));
                var rows = plain.SelectMany(r => Enumerable.Range(0, views + 1).Select(v => r with { View = v })).ToList();
                var shuffled = rows.ToArray();
                new Random(seed).Shuffle(shuffled);

                var split = RowSplit.Of(rows, "cache", fraction, seed);
                var again = RowSplit.Of(shuffled, "cache", fraction, seed);

                Assert.Equal(split.Train.Select(r => rows[r]), again.Train.Select(r => shuffled[r]));
                Assert.Equal(split.Validation.Select(r => rows[r]), again.Validation.Select(r => shuffled[r]));
                Assert.Empty(split.Train.Select(r => rows[r].Sha256).Intersect(split.Validation.Select(r => rows[r].Sha256)));
                Assert.All(split.Validation, r => Assert.Equal(0, rows[r].View));
                foreach (var (name, images) in new[] { ("cats", cats), ("dogs", dogs) })
                {
                    var expected = Math.Clamp((int)Math.Round(fraction * images, MidpointRounding.AwayFromZero), 1, images - 1);
                    Assert.Equal(
                        expected, split.Validation.Where(r => rows[r].Label == name).Select(r => rows[r].Sha256).Distinct().Count());
                    Assert.Equal(
                        images - expected, split.Train.Where(r => rows[r].Label == name).Select(r => rows[r].Sha256).Distinct().Count());
                }
            });

    [Fact]
    public void Another_seed_draws_another_split()
    {
        var rows = SyntheticCache.Rows(50, Classes);

        Assert.NotEqual(RowSplit.Of(rows, "cache", 0.2, 0).Validation, RowSplit.Of(rows, "cache", 0.2, 1).Validation);
    }

    [Fact]
    public void Images_on_both_sides_of_the_split_column_are_said()
    {
        var train = SyntheticCache.Rows(3, Classes, "train");
        List<CacheRow> rows = [.. train, .. train.Select(r => r with { Split = "val", Path = "val" + r.Path[5..] })];

        Assert.Contains("6 validation images are in the training split too, byte for byte (val/cats/0000.jpg first)",
            Assert.Single(RowSplit.Of(rows, "cache", 0.2, 0).Notes), StringComparison.Ordinal);
    }

    [Fact]
    public void Images_under_two_labels_are_said()
    {
        var rows = SyntheticCache.Rows(5, Classes);
        rows.Add(rows[0] with { Path = "dogs/copy.jpg", Label = "dogs" });

        Assert.Contains(
            "1 images are there under two labels", Assert.Single(RowSplit.Of(rows, "cache", 0.2, 0).Notes), StringComparison.Ordinal);
    }

    public static TheoryData<string, string> Refusals => new()
    {
        { "one class", "has one class only, 'cats'" },
        { "no label", "2 of 8 rows have no label, a.jpg first" },
        { "single image", "class 'birds' has one image only" },
        { "partial split", "cats/0000.jpg has no split, but other images have" },
        { "unknown split", "train/cats/0000.jpg has the split 'holdout'" },
        { "no train", "has no rows to train with: its splits are 'test', 'val'" },
        { "class in val only", "class 'birds' is in the validation split but not in the training split (cats, dogs)" },
    };

    [Theory]
    [MemberData(nameof(Refusals))]
    public void Rows_that_no_head_can_be_trained_on_are_refused_with_words(string what, string words)
    {
        var train = SyntheticCache.Rows(3, Classes, "train");
        var val = SyntheticCache.Rows(3, Classes, "val");
        List<CacheRow> rows = what switch
        {
            "one class" => SyntheticCache.Rows(5, ["cats"]),
            "no label" => [.. SyntheticCache.Rows(3, Classes), .. SyntheticCache.Rows(2, ["x"]).Select(
                (r, i) => r with { Label = null, Path = i == 0 ? "a.jpg" : "b.jpg" })],
            "single image" => [.. SyntheticCache.Rows(3, Classes), .. SyntheticCache.Rows(1, ["birds"])],
            "partial split" => [.. train, .. SyntheticCache.Rows(1, Classes)],
            "unknown split" => [.. train.Select(r => r with { Split = "holdout" })],
            "no train" => [.. val, .. SyntheticCache.Rows(3, Classes, "test")],
            _ => [.. train, .. SyntheticCache.Rows(1, ["birds"], "val")],
        };

        var error = Assert.Throws<CommandException>(() => RowSplit.Of(rows, "cache", 0.2, 0));

        Assert.Contains(words, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(-0.5)]
    [InlineData(double.NaN)]
    public void Fractions_that_leave_a_side_empty_are_refused(double fraction) =>
        Assert.Equal(ExitCode.Usage,
            Assert.Throws<CommandException>(() => RowSplit.Of(SyntheticCache.Rows(5, Classes), "cache", fraction, 0)).ExitCode);

    [Fact]
    public void Second_cache_validates_by_its_own_validation_rows_and_missing_classes_are_said()
    {
        List<CacheRow> train = [.. SyntheticCache.Rows(3, ["cats", "dogs", "birds"], "train"), .. SyntheticCache.Rows(3, Classes, "val")];
        List<CacheRow> val = [.. SyntheticCache.Rows(2, Classes, "train"), .. SyntheticCache.Rows(2, Classes, "val")];

        var split = RowSplit.Between(train, "cache", val, "other");

        Assert.Equal(9, split.Train.Count);
        Assert.All(split.Validation, r => Assert.Equal("val", val[r].Split));
        Assert.Contains("other has no images of birds.", split.Notes);
    }

    [Fact]
    public void Class_that_only_the_second_cache_has_is_refused()
    {
        var error = Assert.Throws<CommandException>(() =>
            RowSplit.Between(SyntheticCache.Rows(3, Classes), "cache", SyntheticCache.Rows(3, ["cats", "doggs"]), "other"));

        Assert.Contains("other has the class 'doggs', which cache doesn't (cats, dogs)", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Cache_without_a_split_column_trains_beside_one_that_has_it()
    {
        var split = RowSplit.Of(
            [new RowSource("a", [.. SyntheticCache.Rows(3, Classes, "train"), .. SyntheticCache.Rows(2, Classes, "val")]), new RowSource(
                "b", SyntheticCache.Rows(4, Classes))], 0.2, 0);

        Assert.Equal((14, 4), (split.TrainImages, split.Validation.Count));
        Assert.Empty(split.Notes);
    }

    [Fact]
    public void Images_that_are_in_two_caches_stay_on_one_side_and_are_no_views_of_each_other()
    {
        var rows = SyntheticCache.Rows(10, Classes);

        var split = RowSplit.Of([new RowSource("a", rows), new RowSource("b", rows)], 0.3, 1);

        Assert.Equal((28, 12), (split.TrainImages, split.Validation.Count));
        Assert.Empty(split.Train.Select(r => r % 20).Intersect(split.Validation.Select(r => r % 20)));
        Assert.Contains("20 images are in more than one cache, byte for byte (cats/0000.jpg first)", Assert.Single(split.Notes),
            StringComparison.Ordinal);
    }
}
