using Headstart.Trainer.Runs;
using Headstart.Trainer.Sweeps;

namespace Headstart.Tests.Sweeps;

public sealed class SpaceReaderTests
{
    [Theory]
    [InlineData("""{"options": {"lr": [1e-3,, 2]}}""", "space.json: line 1, column 26:")]
    [InlineData("[1]", "the file must hold one object")]
    [InlineData("{}", "options: the file needs an object with at least one option")]
    [InlineData("""{"lr": [1]}""", """lr: options go into "options": {"lr": ...}.""")]
    [InlineData("""{"serch": "grid", "options": {"lr": 1}}""", "serch: there is no such key. Did you mean search?")]
    [InlineData("""{"search": "rndom", "options": {"lr": 1}}""", "search: there is no search 'rndom'. Did you mean random?")]
    [InlineData("""{"options": {"learning-rte": [1]}}""", "options.learning-rte: there is no such option to try.")]
    [InlineData("""{"options": {"optimiser": ["adam"]}}""", "Did you mean optimizer?")]
    [InlineData(
        """{"options": {"optimizer": ["adam", "adamm"]}}""", "options.optimizer[1]: there is no optimizer 'adamm'. Did you mean adam?")]
    [InlineData("""{"options": {"head": ["gap", "gap, dense(8, rleu)"]}}""",
        "options.head[1]: column 15: no activation 'rleu'. Did you mean relu?")]
    [InlineData("""{"options": {"lr": ["0.1"]}}""", "options.lr[0]: must be a number, found \"0.1\".")]
    [InlineData("""{"options": {"batch": [16.5]}}""", "options.batch[0]: must be a whole number, found 16.5.")]
    [InlineData("""{"options": {"lr": []}}""", "options.lr: the list is empty")]
    [InlineData("""{"options": {"lr": [1, 2, 1]}}""", "options.lr[2]: 1 is there twice.")]
    [InlineData("""{"options": {"lr": [1], "lr": [2]}}""", "space.json: ")]
    [InlineData("""{"search": "random", "trials": 3, "options": {"lr": {"lgo": [1, 2]}}}""",
        "options.lr.lgo: there is no such way to draw. Did you mean log?")]
    [InlineData("""{"search": "random", "trials": 3, "options": {"lr": {"log": [0, 2]}}}""",
        "options.lr.log[0]: a logarithmic scale has only numbers above 0")]
    [InlineData("""{"search": "random", "trials": 3, "options": {"lr": {"uniform": [3, 2]}}}""",
        "options.lr.uniform: the first number must be below the second")]
    [InlineData("""{"search": "random", "trials": 3, "options": {"head": {"uniform": [3, 4]}}}""",
        "options.head.uniform: head has no numbers to draw between.")]
    [InlineData("""{"options": {"lr": {"log": [1e-5, 2]}}}""", "options.lr: a grid needs a list of values.")]
    [InlineData("""{"search": "random", "options": {"lr": {"log": [1e-5, 2]}}}""", "trials: is missing")]
    [InlineData("""{"trials": 4, "options": {"lr": [1, 2]}}""", "trials: a grid tries every combination.")]
    [InlineData("""{"search": "halving", "options": {"epochs": [1, 2]}}""", "options.epochs: halving divides the epochs among its rounds")]
    [InlineData("""{"eta": 3, "options": {"lr": [1, 2]}}""", "eta: is for \"search\": \"halving\" alone.")]
    [InlineData("""{"seeds": 0, "options": {"lr": [1, 2]}}""", "seeds: must be a whole number from 1 to 1000, found 0.")]
    [InlineData("""{"options": {"unfreez": [0, 1]}}""", "options.unfreez: there is no such option to try. Did you mean unfreeze?")]
    [InlineData("""{"options": {"unfreeze": ["all"]}}""", "options.unfreeze[0]: must be a whole number, found \"all\".")]
    [InlineData("""{"options": {"finetune-lr": [1e-5]}}""",
        "options.finetune-lr: says how a base is tuned, and none is. Add \"unfreeze\": [0, 1], or leave it out.")]
    [InlineData("""{"options": {"unfreeze": [1], "unfreeze-from": ["x"]}}""",
        "unfreeze and unfreeze-from both say what is tuned. Keep one of the two.")]
    [InlineData("""{"options": {"unfreeze": [1], "finetune-optimizer": ["lbfgs"]}}""",
        "options.finetune-optimizer[0]: there is no finetune-optimizer 'lbfgs'.")]
    [InlineData("""{"options": {"unfreeze": [1], "seed": [1, 2]}}""", "options.seed: trials that tune are compared on the same images")]
    [InlineData("""{"search": "halving", "options": {"unfreeze": [0, 1]}}""",
        "options.unfreeze: halving tries heads alone. Tune with \"search\": \"grid\" or \"random\"")]
    [InlineData("""{"seeds": 2, "options": {"seed": [1, 2]}}""", "options.seed: \"seeds\": 2 gives every trial its seeds already.")]
    public void Mistake_is_named_with_its_place_and_what_may_have_been_meant(string json, string words)
    {
        var error = Assert.Throws<CommandException>(() => SpaceReader.Parse(json, "space.json"));

        Assert.StartsWith("space.json: ", error.Message, StringComparison.Ordinal);
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
        Assert.Equal(ExitCode.Usage, error.ExitCode);
    }

    [Fact]
    public void Grid_has_every_combination_once_and_the_last_option_changes_fastest()
    {
        var trials = Trials("""{ /* a comment */ "options": {"lr": [0.1, 0.2], "l2": [null, 1e-3], "batch": 16,}}""");

        Assert.Equal(
            ["lr=0.1 l2=none batch=16", "lr=0.1 l2=0.001 batch=16", "lr=0.2 l2=none batch=16", "lr=0.2 l2=0.001 batch=16"],
            trials.Select(t => TrialDraw.Describe(t.Chosen)));
        Assert.Equal([1, 2, 3, 4], trials.Select(t => t.Number));
        Assert.Equal((0.2, (double?)null, 16), (trials[2].Arguments.LearningRate, trials[2].Arguments.L2, trials[2].Arguments.Batch));
    }

    [Fact]
    public void Head_alone_is_one_trial_whatever_the_rates_and_always_there()
    {
        var trials = Trials("""{"options": {"unfreeze": [0, 1, 2], "finetune-lr": [1e-5, 1e-4], "head-lr": [null, 1e-3], "lr": [1e-3]}}""");

        Assert.Equal(
            [
                "unfreeze=0 lr=0.001",
                "unfreeze=1 finetune-lr=1E-05 lr=0.001", "unfreeze=1 finetune-lr=1E-05 head-lr=0.001 lr=0.001",
                "unfreeze=1 finetune-lr=0.0001 lr=0.001", "unfreeze=1 finetune-lr=0.0001 head-lr=0.001 lr=0.001",
                "unfreeze=2 finetune-lr=1E-05 lr=0.001", "unfreeze=2 finetune-lr=1E-05 head-lr=0.001 lr=0.001",
                "unfreeze=2 finetune-lr=0.0001 lr=0.001", "unfreeze=2 finetune-lr=0.0001 head-lr=0.001 lr=0.001",
            ],
            trials.Select(t => TrialDraw.Describe(t.Chosen)));
        Assert.Null(trials[0].Tuning);
        Assert.All(trials.Skip(1), t => Assert.Equal(trials[0].Arguments, t.Arguments));
        Assert.Equal(
            ("2", 1e-4, 1e-3), (trials[^1].Tuning!.Unfreeze, trials[^1].Tuning!.LearningRate, trials[^1].Tuning!.HeadLearningRate));

        // Named tensors, and no head alone among them: it comes by itself, once for every head.
        var named = Trials("""{"options": {"head": ["gap", "gmp"], "unfreeze-from": ["a", "b"], "finetune-batch": 8}}""");
        Assert.Equal(
            ["head=gap unfreeze-from=none", "head=gap unfreeze-from=a", "head=gap unfreeze-from=b", "head=gmp unfreeze-from=none",
                "head=gmp unfreeze-from=a", "head=gmp unfreeze-from=b"],
            named.Select(t => string.Join(
                ' ', TrialDraw.Describe(t.Chosen).Split(' ').Where(w => !w.StartsWith("finetune-batch", StringComparison.Ordinal)))));
        Assert.Equal(8, named[1].Tuning!.Batch);
    }

    [Fact]
    public void Drawn_trials_that_tune_nothing_are_one_and_heads_come_beside_those_that_were_drawn()
    {
        var trials = Trials("""
            {"search": "random", "trials": 12, "seed": 4, "options": {"unfreeze": {"uniform": [0, 2]}, "finetune-lr": {"log": [1e-6, 1e-3]}, "lr-decay": {"uniform": [0.1, 1]}}}
            """);

        Assert.Single(trials, t => t.Tuning is null);
        Assert.InRange(trials.Count, 12, 13);
        Assert.All(trials.Where(t => t.Tuning is not null), t => Assert.InRange(t.Tuning!.LearningRate, 1e-6, 1e-3));
        Assert.Equal(["1", "2"], trials.Select(t => t.Tuning?.Unfreeze).OfType<string>().Distinct().Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Random_trials_are_different_lie_in_their_ranges_and_follow_from_the_seed()
    {
        const string Options =
            """ "options": {"lr": {"log": [1e-5, 1e-1]}, "epochs": {"uniform": [1, 3]}, "label-smoothing": {"uniform": [0, 0.5]}}}""";
        var json = """{"search": "random", "trials": 200, "seed": 5,""" + Options;
        var trials = Trials(json);

        Assert.Equal(200, trials.Select(t => TrialDraw.Describe(t.Chosen)).Distinct().Count());
        Assert.All(trials, t => Assert.InRange(t.Arguments.LearningRate, 1e-5, 1e-1));
        Assert.All(trials, t => Assert.InRange(t.Arguments.LabelSmoothing, 0, 0.5));
        Assert.All(trials, t => Assert.Equal(5, t.Arguments.Seed));
        Assert.Equal([1, 2, 3], trials.Select(t => t.Arguments.Epochs).Distinct().Order());
        Assert.InRange(trials.Count(t => t.Arguments.LearningRate < 1e-3), 70, 130); // half of a logarithmic scale; 100 ± 4 sd
        Assert.Equal(trials.Select(t => TrialDraw.Describe(t.Chosen)), Trials(json).Select(t => TrialDraw.Describe(t.Chosen)));
        Assert.NotEqual(
            trials[0].Arguments.LearningRate, Trials(json.Replace("5,", "6,", StringComparison.Ordinal))[0].Arguments.LearningRate);
    }

    [Fact]
    public void More_trials_than_there_are_combinations_is_an_error_that_says_how_many()
    {
        var error = Assert.Throws<CommandException>(
            () => Trials("""{"search": "random", "trials": 9, "options": {"lr": [1, 2], "batch": [1, 2]}}"""));

        Assert.Contains("trials: 9 were asked for, but only 4 different ones could be drawn.", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"options": {"lr": [1e-3, -1]}}""", "space.json: trial 2 (lr=-1): --lr -1: the learning rate must be above 0")]
    [InlineData("""{"options": {"unfreeze": [1], "finetune-lr": [1e-5, -1]}}""",
        "space.json: trial 3 (unfreeze=1 finetune-lr=-1): finetune --lr -1: the learning rate must be above 0")]
    [InlineData(
        """{"search": "halving", "options": {"optimizer": ["lbfgs"]}}""", "optimizer lbfgs has no epochs that halving could divide.")]
    public void Trial_that_makes_no_sense_is_named_before_anything_is_trained(string json, string words) =>
        Assert.Contains(words, Assert.Throws<CommandException>(() => Trials(json)).Message, StringComparison.Ordinal);

    private static IReadOnlyList<Trial> Trials(string json) => TrialDraw.Trials(
        SpaceReader.Parse(json, "space.json"),
        new TrialOptions(
            new TrainRequest { Cache = "cache", Out = "out" },
            new FinetuneRequest { Run = "head", Out = "out", Model = "model.onnx", Cache = "cache" }),
        "space.json");
}
