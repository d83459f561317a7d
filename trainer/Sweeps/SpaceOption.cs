using Headstart.Training.Commands;

namespace Headstart.Training.Sweeps;

/// <summary>What the values of an option are in JSON.</summary>
internal enum SpaceKind
{
    Text,
    Number,

    /// <summary>A number without a fraction.</summary>
    Whole,
}

/// <summary>An option that a space file may sweep.</summary>
/// <param name="Name">As <c>trainer train</c> calls it, without the dashes.</param>
/// <param name="Kind">What its values are.</param>
/// <param name="Apply">Gives arguments this value: a string, a double, a long, or null.</param>
/// <param name="Words">The only texts that it takes; null for any.</param>
/// <param name="CanBeNull">Whether JSON's null is a value: the option left out.</param>
internal sealed record SpaceOption(
    string Name, SpaceKind Kind, Func<TrainArguments, object?, TrainArguments> Apply, IReadOnlyList<string>? Words = null, bool CanBeNull = false)
{
    /// <summary>All of them. What another kind of trial needs (fine-tuning: which blocks, two learning rates) is added here, and nowhere else in the format.</summary>
    public static IReadOnlyList<SpaceOption> All { get; } =
    [
        new("head", SpaceKind.Text, (a, v) => a with { Head = (string)v! }),
        new("layer", SpaceKind.Text, (a, v) => a with { Layer = (string?)v }, CanBeNull: true),
        new("epochs", SpaceKind.Whole, (a, v) => a with { Epochs = Int(v) }),
        new("batch", SpaceKind.Whole, (a, v) => a with { Batch = Int(v) }),
        new("optimizer", SpaceKind.Text, (a, v) => a with { Optimizer = Enum.Parse<OptimizerChoice>((string)v!, ignoreCase: true) }, Names<OptimizerChoice>()),
        new("lr", SpaceKind.Number, (a, v) => a with { LearningRate = (double)v! }),
        new("schedule", SpaceKind.Text, (a, v) => a with { Schedule = Enum.Parse<Schedule>((string)v!, ignoreCase: true) }, Names<Schedule>()),
        new("warmup", SpaceKind.Number, (a, v) => a with { WarmUp = (double)v! }),
        new("l2", SpaceKind.Number, (a, v) => a with { L2 = (double?)v }, CanBeNull: true),
        new("weight-decay", SpaceKind.Number, (a, v) => a with { WeightDecay = (double?)v }, CanBeNull: true),
        new("clip", SpaceKind.Number, (a, v) => a with { Clip = (double?)v }, CanBeNull: true),
        new("label-smoothing", SpaceKind.Number, (a, v) => a with { LabelSmoothing = (double)v! }),
        new("class-weights", SpaceKind.Text, (a, v) => a with { ClassWeights = (string)v! }),
        new("early-stop", SpaceKind.Whole, (a, v) => a with { EarlyStop = v is null ? null : Int(v) }, CanBeNull: true),
        new("seed", SpaceKind.Whole, (a, v) => a with { Seed = (long)v! }),
    ];

    private static int Int(object? value) => (int)Math.Clamp((long)value!, int.MinValue, int.MaxValue);

    private static string[] Names<T>()
        where T : struct, Enum => [.. Enum.GetNames<T>().Select(n => n.ToLowerInvariant())];
}
