using CsvHelper;
using Headstart.Trainer.Commands;
using Headstart.Trainer.Evaluation;
using Headstart.Trainer.Runs;
using Headstart.Trainer.Sweeps;

namespace Headstart.Tests.Sweeps;

/// <summary>The table of depth and rate and what it recommends, on results that are made up.</summary>
public sealed class DepthAdviceTests
{
    private const int Images = 400;

    [Fact]
    public void Gain_within_the_noise_leaves_the_head_alone_and_says_so()
    {
        // 346 and 348 of 400 right, 10 and 12 changed sides.
        var head = Right(Images, 346);
        var tuned = Changed(head, toRight: 12, toWrong: 10);
        var advice = Advice(Standing(1, null, 0, head), Standing(2, "1", 1e-5, tuned));

        Assert.Null(advice.Chosen.Gain);

        // McNemar: (b + c + 2 - (c - b)²/n) / n², to 1.96 of its roots.
        var margin = 1.959964 * Math.Sqrt(12 + 10 + 2 - (4.0 / Images)) / Images;
        Assert.Equal($"Unfreeze 1 block at 1e-5: 0.8700 beside 0.8650 for the head alone, +0.0050 ± {margin:0.0000}: within the noise. " +
            "The head alone is enough.", advice.Text);
        Assert.Contains("Each was trained once: what another seed would change is not in the ±.", Assert.Single(advice.Notes),
            StringComparison.Ordinal);
    }

    [Fact]
    public void Gain_beyond_the_noise_is_recommended_and_the_shallower_of_two_that_chance_can_not_tell_apart()
    {
        var head = Right(Images, 320);
        var one = Changed(head, toRight: 50, toWrong: 10);
        var two = Changed(one, toRight: 8, toWrong: 4);

        var advice = Advice(Standing(1, null, 0, head), Standing(2, "1", 1e-4, one), Standing(3, "1", 1e-5, Changed(head, 20, 5)),
            Standing(4, "2", 1e-4, two), Standing(5, "2", 1e-3, Right(Images, 200)));

        Assert.Equal((2, "1 block"), (advice.Chosen.Standing.Trial.Number, advice.Chosen.Part));
        Assert.StartsWith(
            "Unfreeze 1 block at 1e-4: 0.9000 beside 0.8000 for the head alone, +0.1000 ± ", advice.Text, StringComparison.Ordinal);
        Assert.Contains(": more than noise. Deeper (2 blocks at 1e-4: 0.9100) brings no more beyond the noise: +0.0100 ± ", advice.Text,
            StringComparison.Ordinal);
        Assert.Equal(NormalDistribution.Quantile(1 - (0.025 / 4)), advice.Widths); // four trials were tuned
    }

    [Fact]
    public void Deeper_is_recommended_where_it_brings_more_than_noise_again()
    {
        var head = Right(Images, 240);
        var one = Changed(head, toRight: 60, toWrong: 10);
        var two = Changed(one, toRight: 60, toWrong: 10);

        var advice = Advice(Standing(1, null, 0, head), Standing(2, "1", 1e-4, one), Standing(3, "2", 1e-4, two));

        Assert.Equal("2 blocks", advice.Chosen.Part);
        Assert.EndsWith(": more than noise. Nothing deeper was tried.", advice.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Loss_of_accuracy_is_no_gain_and_an_edge_of_the_rates_is_pointed_out()
    {
        var head = Right(Images, 320);
        Assert.EndsWith(": no gain. The head alone is enough.",
            Advice(Standing(1, null, 0, head), Standing(2, "1", 1e-3, Right(Images, 300))).Text, StringComparison.Ordinal);

        var better = Changed(head, 60, 5);
        var notes =
            Advice(Standing(1, null, 0, head, head), Standing(2, "1", 1e-5, head, head), Standing(3, "1", 1e-4, better, better)).Notes;
        Assert.Equal(["1e-4 is the highest finetune-lr that was tried: higher ones may do better."], notes);
    }

    [Fact]
    public void Seeds_that_disagree_widen_what_chance_explains()
    {
        var head = Right(Images, 320);
        var (luck, harm) = (Changed(head, 60, 0), Changed(head, 0, 30));

        var certain = Repeats([head, head, head]);
        var gain = PairedGain.Of(certain, Repeats([luck, luck, harm]));

        // Per seed +0.15, +0.15 and -0.075.
        Assert.Equal(0.075, gain.Mean, 12);
        Assert.Equal(Math.Sqrt(((2 * 0.075 * 0.075) + (0.15 * 0.15)) / 2 / 3), gain.RepeatsError, 12);
        Assert.Null(Advice(Standing(1, null, 0, head, head, head), Standing(2, "1", 1e-4, luck, luck, harm)).Chosen.Gain);
        Assert.NotNull(Advice(Standing(1, null, 0, head, head, head), Standing(2, "1", 1e-4, luck, luck, luck)).Chosen.Gain);
    }

    // scipy.stats.binomtest(0, k, 0.5).pvalue is 0.0625 for k = 5 and 0.03125 for k = 6: McNemar's exact test of k images that all changed
    // to the better.
    [Theory]
    [InlineData(5, false)]
    [InlineData(6, true)]
    public void A_handful_of_images_convinces_no_sooner_than_the_exact_test(int changed, bool convinces)
    {
        var head = Right(Images, 320);
        Assert.Equal(
            convinces, Advice(Standing(1, null, 0, head), Standing(2, "1", 1e-5, Changed(head, changed, 0))).Chosen.Gain is not null);
    }

    [Fact]
    public void Where_nothing_is_gained_in_truth_unfreezing_is_recommended_in_less_than_one_of_twenty_sweeps()
    {
        const int Sweeps = 400;
        var random = new SeededRandom(1, "nothing gained");
        var wrong = Enumerable.Range(0, Sweeps).Count(_ =>
        {
            // Each trial changes its mind about some images, to the better and to the worse alike; images are judged anew in every sweep.
            var difficulty = Enumerable.Range(0, Images).Select(_ => random.NextBelow(100)).ToArray();
            bool[] Judge() => [.. difficulty.Select(d => d < 75 || (d < 95 && random.NextBelow(2) == 0))];
            return Advice([Standing(1, null, 0, Judge(), Judge()),
                .. from i in Enumerable.Range(0, 6) select Standing(2 + i, $"{1 + (i / 3)}", Math.Pow(10, -3 - (i % 3)), Judge(), Judge())])
                .Chosen.Gain is not null;
        });

        TestContext.Current.TestOutputHelper!.WriteLine($"{wrong} of {Sweeps}");
        Assert.InRange(wrong, 0, Sweeps / 20);
    }

    [Fact]
    public void Of_trials_with_one_part_and_rates_the_best_is_shown_and_rows_go_from_shallow_and_slow_to_deep_and_fast()
    {
        var head = Right(Images, 320);
        var table = Table(
            Standing(5, "2", 1e-5, Right(Images, 330)), Standing(1, null, 0, head), Standing(2, "1", 1e-4, Right(Images, 310)),
            Standing(3, "1", 1e-5, Right(Images, 300)),
            Standing(4, "1", 1e-5, Right(Images, 325)), Standing(6, null, 0, Right(Images, 319)));

        Assert.Equal([1, 4, 2, 5], table.Rows.Select(r => r.Standing.Trial.Number));
        Assert.Equal([2, 2, 1, 1], table.Rows.Select(r => r.Trials));
        Assert.Equal(4, table.TunedTrials);
        using var csv = new CsvReader(new StringReader(table.ToCsv()), System.Globalization.CultureInfo.InvariantCulture);
        var rows = csv.GetRecords<dynamic>().Select(r => (IDictionary<string, object>)r).ToList();
        Assert.Equal(["head alone", "1 block", "1 block", "2 blocks"], rows.Select(r => r["tuned"]));
        Assert.Equal(["", "0.0001", "0.001", "0.0001"], rows.Select(r => r["head_lr"])); // ten times the base's
        Assert.Equal(["0.8", "0.8125", "0.775", "0.825"], rows.Select(r => r["accuracy"]));
        Assert.Equal("2 blocks", (string?)table.ToJson()[3]!["tuned"]);

        using var output = new StringWriter();
        new DepthWords(output).Write(DepthAdvice.Of(table));
        Assert.All(output.ToString().Split('\n'), line => Assert.InRange(line.Length, 0, 80));
        Assert.Contains("1 block        1e-5    1e-4  0.8125    0.5000  +0.0125 ±", output.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_table_needs_a_head_and_something_that_is_tuned()
    {
        var failed = Standing(2, "1", 1e-4, Right(Images, 1));
        failed = failed with { Outcomes = [.. failed.Outcomes.Select(o => o with { Error = "it diverged" })] };
        Assert.Null(DepthTable.Of([Standing(1, null, 0, Right(Images, 320)), failed], _ => 1, _ => []));
    }

    [Fact]
    public void What_was_right_survives_being_written_down()
    {
        foreach (var count in (int[])[1, 7, 8, 9, 400])
        {
            var labels = Enumerable.Range(0, count).Select(i => i % 2).ToArray();
            var predictions =
                new Predictions([.. Enumerable.Range(0, count).SelectMany(i => i % 3 == 0 ? new[] { -0.1, -2.4 } : [-2.4, -0.1])], labels);
            Assert.Equal(labels.Select((l, i) => l == (i % 3 == 0 ? 0 : 1)), RightImages.Read(RightImages.Of(predictions), count));
        }
    }

    private static DepthAdvice Advice(params Standing[] standings) => DepthAdvice.Of(Table(standings));

    private static DepthTable Table(params Standing[] standings) =>
        DepthTable.Of(
            standings, t => t.Tuning is null ? 0 : 1000 * int.Parse(t.Tuning.Unfreeze!, System.Globalization.CultureInfo.InvariantCulture),
            _ => [.. Enumerable.Range(0, Images)])!;

    private static IReadOnlyList<JudgedRepeat> Repeats(bool[][] rights) =>
        [.. rights.Select(r => new JudgedRepeat([.. Enumerable.Range(0, Images)], r))];

    private static Standing Standing(int number, string? unfreeze, double rate, params bool[][] repeats)
    {
        var tuning = unfreeze is null ? null : new FinetuneRequest
        {
            Run = "head",
            Out = "best",
            Model = "vgg.onnx",
            Cache = "cache",
            Unfreeze = unfreeze,
            LearningRate = rate,
        };
        var trial = new Trial(number, new TrainRequest { Cache = "cache", Out = "best" }, tuning, []);
        return new Standing(trial, [.. repeats.Select(Outcome)], 1);

        TrialOutcome Outcome(bool[] right, int seed) => new()
        {
            Trial = number,
            Rung = 0,
            SeedOffset = seed,
            Seed = seed,
            Epochs = 1,
            SavedEpoch = 1,
            Val = new Figures(0.5, right.Count(r => r) / (double)right.Length, null),
            Seconds = 1,
            Together = 1,
            Right = RightImages.Of(
                new Predictions([.. right.SelectMany(r => r ? new[] { -0.1, -2.4 } : [-2.4, -0.1])], new int[right.Length])),
        };
    }

    private static bool[] Right(int images, int right) => [.. Enumerable.Range(0, images).Select(i => i < right)];

    // The last wrong ones become right, and the first right ones wrong.
    private static bool[] Changed(bool[] from, int toRight, int toWrong)
    {
        var changed = (bool[])from.Clone();
        for (var i = from.Length - 1; toRight > 0; i--)
        {
            if (!from[i])
                (changed[i], toRight) = (true, toRight - 1);
        }

        for (var i = 0; toWrong > 0; i++)
        {
            if (from[i])
                (changed[i], toWrong) = (false, toWrong - 1);
        }

        return changed;
    }
}
