using Headstart.CommandLine;
using Headstart.Training.Commands;
using Headstart.Training.Sweeps;

namespace Headstart.Tests.Sweeps;

public sealed class SpaceReaderTests
{
    [Theory]
    [InlineData("""{"options": {"lr": [1e-3,, 2]}}""", "space.json: line 1, column 26:")]
    [InlineData("[1]", "the file must hold one object")]
    [InlineData("{}", "options: the file needs an object with at least one option")]
    [InlineData("""{"lr": [1]}""", """lr: options of train go into "options": {"lr": ...}.""")]
    [InlineData("""{"serch": "grid", "options": {"lr": 1}}""", "serch: there is no such key. Did you mean search?")]
    [InlineData("""{"search": "rndom", "options": {"lr": 1}}""", "search: there is no search 'rndom'. Did you mean random?")]
    [InlineData("""{"options": {"learning-rte": [1]}}""", "options.learning-rte: train has no such option to try.")]
    [InlineData("""{"options": {"optimiser": ["adam"]}}""", "Did you mean optimizer?")]
    [InlineData("""{"options": {"optimizer": ["adam", "adamm"]}}""", "options.optimizer[1]: there is no optimizer 'adamm'. Did you mean adam?")]
    [InlineData("""{"options": {"head": ["gap", "gap, dense(8, rleu)"]}}""", "options.head[1]: column 15: no activation 'rleu'. Did you mean relu?")]
    [InlineData("""{"options": {"lr": ["0.1"]}}""", "options.lr[0]: must be a number, found \"0.1\".")]
    [InlineData("""{"options": {"batch": [16.5]}}""", "options.batch[0]: must be a whole number, found 16.5.")]
    [InlineData("""{"options": {"lr": []}}""", "options.lr: the list is empty")]
    [InlineData("""{"options": {"lr": [1, 2, 1]}}""", "options.lr[2]: 1 is there twice.")]
    [InlineData("""{"options": {"lr": [1], "lr": [2]}}""", "space.json: ")]
    [InlineData("""{"search": "random", "trials": 3, "options": {"lr": {"lgo": [1, 2]}}}""", "options.lr.lgo: there is no such way to draw. Did you mean log?")]
    [InlineData("""{"search": "random", "trials": 3, "options": {"lr": {"log": [0, 2]}}}""", "options.lr.log[0]: a logarithmic scale has only numbers above 0")]
    [InlineData("""{"search": "random", "trials": 3, "options": {"lr": {"uniform": [3, 2]}}}""", "options.lr.uniform: the first number must be below the second")]
    [InlineData("""{"search": "random", "trials": 3, "options": {"head": {"uniform": [3, 4]}}}""", "options.head.uniform: head has no numbers to draw between.")]
    [InlineData("""{"options": {"lr": {"log": [1e-5, 2]}}}""", "options.lr: a grid needs a list of values.")]
    [InlineData("""{"search": "random", "options": {"lr": {"log": [1e-5, 2]}}}""", "trials: is missing")]
    [InlineData("""{"trials": 4, "options": {"lr": [1, 2]}}""", "trials: a grid tries every combination.")]
    [InlineData("""{"search": "halving", "options": {"epochs": [1, 2]}}""", "options.epochs: halving divides the epochs among its rounds")]
    [InlineData("""{"eta": 3, "options": {"lr": [1, 2]}}""", "eta: is for \"search\": \"halving\" alone.")]
    [InlineData("""{"seeds": 0, "options": {"lr": [1, 2]}}""", "seeds: must be a whole number from 1 to 1000, found 0.")]
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
    public void Random_trials_are_different_lie_in_their_ranges_and_follow_from_the_seed()
    {
        const string Options = """ "options": {"lr": {"log": [1e-5, 1e-1]}, "epochs": {"uniform": [1, 3]}, "label-smoothing": {"uniform": [0, 0.5]}}}""";
        var json = """{"search": "random", "trials": 200, "seed": 5,""" + Options;
        var trials = Trials(json);

        Assert.Equal(200, trials.Select(t => TrialDraw.Describe(t.Chosen)).Distinct().Count());
        Assert.All(trials, t => Assert.InRange(t.Arguments.LearningRate, 1e-5, 1e-1));
        Assert.All(trials, t => Assert.InRange(t.Arguments.LabelSmoothing, 0, 0.5));
        Assert.All(trials, t => Assert.Equal(5, t.Arguments.Seed));
        Assert.Equal([1, 2, 3], trials.Select(t => t.Arguments.Epochs).Distinct().Order());
        Assert.InRange(trials.Count(t => t.Arguments.LearningRate < 1e-3), 70, 130); // half of a logarithmic scale; 100 ± 4 sd
        Assert.Equal(trials.Select(t => TrialDraw.Describe(t.Chosen)), Trials(json).Select(t => TrialDraw.Describe(t.Chosen)));
        Assert.NotEqual(trials[0].Arguments.LearningRate, Trials(json.Replace("5,", "6,", StringComparison.Ordinal))[0].Arguments.LearningRate);
    }

    [Fact]
    public void More_trials_than_there_are_combinations_is_an_error_that_says_how_many()
    {
        var error = Assert.Throws<CommandException>(() => Trials("""{"search": "random", "trials": 9, "options": {"lr": [1, 2], "batch": [1, 2]}}"""));

        Assert.Contains("trials: 9 were asked for, but only 4 different ones could be drawn.", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"options": {"lr": [1e-3, -1]}}""", "space.json: trial 2 (lr=-1): --lr -1: the learning rate must be above 0")]
    [InlineData("""{"search": "halving", "options": {"optimizer": ["lbfgs"]}}""", "optimizer lbfgs has no epochs that halving could divide.")]
    public void Trial_that_makes_no_sense_is_named_before_anything_is_trained(string json, string words) =>
        Assert.Contains(words, Assert.Throws<CommandException>(() => Trials(json)).Message, StringComparison.Ordinal);

    private static IReadOnlyList<Trial> Trials(string json) => TrialDraw.Trials(SpaceReader.Parse(json, "space.json"), new TrainArguments("cache", "out"), "space.json");
}
