using Headstart.Cache;
using Headstart.Trainer.Audit;
using static TorchSharp.torch;

namespace Headstart.Tests.Audit;

public sealed class LabelTests
{
    private sealed record Golden(double[][] Features, double[][] Probabilities);

    [Fact]
    public void Out_of_fold_probabilities_are_those_of_scikit_learn()
    {
        // make_outoffold_goldens.py beside this file, scikit-learn 1.2.1. Ours stops at a slope of 1e-4 of the first.
        const double Tolerance = 5e-4;
        var golden = GoldenFile.Read<Golden>("outoffold.golden.json");
        using var features = tensor([.. golden.Features.SelectMany(r => r)], [golden.Features.Length, golden.Features[0].Length]);
        var labels = Enumerable.Range(0, golden.Features.Length).Select(i => i % 3).ToArray();
        var folds = Enumerable.Range(0, golden.Features.Length).Select(i => i / 3 % 5).ToArray();

        var probabilities = OutOfFold.Predict(features, labels, folds, 3, new Progress<int>(), CancellationToken.None);

        Assert.Equal(golden.Probabilities.SelectMany(p => p), probabilities.SelectMany(p => p), (a, b) => Math.Abs(a - b) < Tolerance);
    }

    [Fact]
    public void Folds_divide_every_class_evenly_and_keep_a_picture_in_one()
    {
        const int Images = 200;
        var labels = Enumerable.Range(0, Images).Select(i => i % 2).ToArray();
        var pictures = Enumerable.Range(0, Images).Select(i => i < 40 ? i % 10 : i).ToArray();

        var folds = LabelFolds.Draw(labels, pictures, 5, seed: 3);

        Assert.All(
            Enumerable.Range(0, Images).GroupBy(i => pictures[i]), picture => Assert.Single(picture.Select(i => folds[i]).Distinct()));
        foreach (var ofClass in Enumerable.Range(0, Images).DistinctBy(i => pictures[i]).GroupBy(i => labels[i]))
        {
            var sizes = ofClass.GroupBy(i => folds[i]).Select(g => g.Count()).ToArray();
            Assert.Equal(5, sizes.Length);
            Assert.True(sizes.Max() - sizes.Min() <= 1, string.Join(' ', sizes));
        }

        Assert.Equal(folds, LabelFolds.Draw(labels, pictures, 5, seed: 3));
        Assert.NotEqual(folds, LabelFolds.Draw(labels, pictures, 5, seed: 4));
    }

    [Fact]
    public void A_class_with_one_picture_and_images_without_a_label_are_not_judged()
    {
        var folds = LabelFolds.Draw([0, 0, 1, 1, 2, 2, -1], [0, 1, 2, 3, 4, 4, 5], 5, seed: 0);

        Assert.Equal([LabelFolds.None, LabelFolds.None, LabelFolds.None], folds[4..]);
        Assert.DoesNotContain(LabelFolds.None, folds[..4]);
    }

    [Fact]
    public void A_label_is_likely_wrong_where_another_class_is_as_sure_of_the_image_as_of_its_own()
    {
        // Mean self-confidence by hand: class a (0.9 + 0.8 + 0.1) / 3 = 0.6, class b (0.7 + 0.45) / 2 = 0.575.
        double[][] probabilities = [[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.3, 0.7], [0.55, 0.45]];
        CacheRow[] rows = [.. probabilities.Select((_, i) => new CacheRow($"{i}.jpg", i < 3 ? "a" : "b", null, $"{i}", 100, 100, 0))];

        var check = LabelCheck.Of(rows, [0, 0, 0, 1, 1], [0, 1, 2, 3, 4], probabilities, ["a", "b"]);

        Assert.Equal(["2.jpg", "4.jpg", "3.jpg", "1.jpg", "0.jpg"], check.Ranked.Select(l => l.Image.Path));
        Assert.Equal(["2.jpg"], check.LikelyWrong.Select(l => l.Image.Path)); // 0.55 of a is less than 0.6
        Assert.Equal("b", check.Ranked[0].Suggested);
        Assert.Equal(-0.8, check.Ranked[0].Margin, 1e-6);
        Assert.Equal(0.6, check.Agreement, 1e-12);
        Assert.Equal([("a", "b", 1, 3), ("b", "a", 1, 2)], check.Confused);
    }
}
