using System.Globalization;
using Headstart.Training.Commands;
using Headstart.Training.FineTuning;

namespace Headstart.Training.Sweeps;

/// <summary>What the values of an option are in JSON.</summary>
internal enum SpaceKind
{
    Text,
    Number,

    /// <summary>A number without a fraction.</summary>
    Whole,
}

/// <summary>What an option is about.</summary>
internal enum SpacePart
{
    /// <summary>How the head is trained.</summary>
    Head,

    /// <summary>What of the base is tuned after that; nothing where the value is 0 or null.</summary>
    Depth,

    /// <summary>How it is tuned; without meaning where nothing is.</summary>
    Tuning,
}

/// <summary>What would be typed to make a trial by hand.</summary>
/// <param name="Train">For <c>trainer train</c>.</param>
/// <param name="Tuning">For <c>trainer finetune</c> after it; not used where the trial is a head alone.</param>
internal sealed record TrialOptions(TrainArguments Train, FinetuneArguments Tuning);

/// <summary>An option that a space file may sweep.</summary>
/// <param name="Name">
/// As <c>trainer train</c> calls it, without the dashes; or as <c>trainer finetune</c> does, with <c>finetune-</c> before it where both have one of that name.
/// </param>
/// <param name="Kind">What its values are.</param>
/// <param name="Part">What it is about.</param>
/// <param name="Apply">Gives options this value: a string, a double, a long, or null.</param>
/// <param name="Words">The only texts that it takes; null for any.</param>
/// <param name="CanBeNull">Whether JSON's null is a value: the option left out.</param>
internal sealed record SpaceOption(
    string Name, SpaceKind Kind, SpacePart Part, Func<TrialOptions, object?, TrialOptions> Apply, IReadOnlyList<string>? Words = null, bool CanBeNull = false)
{
    public const string Unfreeze = "unfreeze";

    public const string UnfreezeFrom = "unfreeze-from";

    /// <summary>All of them.</summary>
    public static IReadOnlyList<SpaceOption> All { get; } =
    [
        OfHead("head", SpaceKind.Text, (a, v) => a with { Head = (string)v! }),
        OfHead("layer", SpaceKind.Text, (a, v) => a with { Layer = (string?)v }, canBeNull: true),
        OfHead("epochs", SpaceKind.Whole, (a, v) => a with { Epochs = Int(v) }),
        OfHead("batch", SpaceKind.Whole, (a, v) => a with { Batch = Int(v) }),
        OfHead("optimizer", SpaceKind.Text, (a, v) => a with { Optimizer = Word<OptimizerChoice>(v) }, Names<OptimizerChoice>()),
        OfHead("lr", SpaceKind.Number, (a, v) => a with { LearningRate = (double)v! }),
        OfHead("schedule", SpaceKind.Text, (a, v) => a with { Schedule = Word<Schedule>(v) }, Names<Schedule>()),
        OfHead("warmup", SpaceKind.Number, (a, v) => a with { WarmUp = (double)v! }),
        OfHead("l2", SpaceKind.Number, (a, v) => a with { L2 = (double?)v }, canBeNull: true),
        OfHead("weight-decay", SpaceKind.Number, (a, v) => a with { WeightDecay = (double?)v }, canBeNull: true),
        OfHead("clip", SpaceKind.Number, (a, v) => a with { Clip = (double?)v }, canBeNull: true),
        OfHead("label-smoothing", SpaceKind.Number, (a, v) => a with { LabelSmoothing = (double)v! }),
        OfHead("class-weights", SpaceKind.Text, (a, v) => a with { ClassWeights = (string)v! }),
        OfHead("early-stop", SpaceKind.Whole, (a, v) => a with { EarlyStop = v is null ? null : Int(v) }, canBeNull: true),
        OfHead("seed", SpaceKind.Whole, (a, v) => a with { Seed = (long)v! }),
        OfTuning(Unfreeze, SpaceKind.Whole, (a, v) => a with { Unfreeze = v is null or 0L ? null : ((long)v).ToString(CultureInfo.InvariantCulture) }, part: SpacePart.Depth),
        OfTuning(UnfreezeFrom, SpaceKind.Text, (a, v) => a with { UnfreezeFrom = (string?)v }, canBeNull: true, part: SpacePart.Depth),
        OfTuning("finetune-lr", SpaceKind.Number, (a, v) => a with { LearningRate = (double)v! }),
        OfTuning("head-lr", SpaceKind.Number, (a, v) => a with { HeadLearningRate = (double?)v }, canBeNull: true),
        OfTuning("lr-decay", SpaceKind.Number, (a, v) => a with { DepthDecay = (double)v! }),
        OfTuning("gradual", SpaceKind.Whole, (a, v) => a with { Gradual = v is null ? null : Int(v) }, canBeNull: true),
        OfTuning("precision", SpaceKind.Text, (a, v) => a with { Precision = Word<ComputePrecision>(v) }, Names<ComputePrecision>()),
        OfTuning("finetune-epochs", SpaceKind.Whole, (a, v) => a with { Epochs = Int(v) }),
        OfTuning("finetune-batch", SpaceKind.Whole, (a, v) => a with { Batch = Int(v) }),
        OfTuning("finetune-optimizer", SpaceKind.Text, (a, v) => a with { Optimizer = Word<OptimizerChoice>(v) }, [.. Names<OptimizerChoice>().Where(n => n != "lbfgs")]),
        OfTuning("finetune-schedule", SpaceKind.Text, (a, v) => a with { Schedule = Word<Schedule>(v) }, Names<Schedule>()),
        OfTuning("finetune-warmup", SpaceKind.Number, (a, v) => a with { WarmUp = (double)v! }),
        OfTuning("finetune-weight-decay", SpaceKind.Number, (a, v) => a with { WeightDecay = (double?)v }, canBeNull: true),
        OfTuning("finetune-clip", SpaceKind.Number, (a, v) => a with { Clip = (double?)v }, canBeNull: true),
        OfTuning("finetune-label-smoothing", SpaceKind.Number, (a, v) => a with { LabelSmoothing = (double)v! }),
        OfTuning("finetune-early-stop", SpaceKind.Whole, (a, v) => a with { EarlyStop = v is null ? null : Int(v) }, canBeNull: true),
    ];

    private static SpaceOption OfHead(
        string name, SpaceKind kind, Func<TrainArguments, object?, TrainArguments> apply, IReadOnlyList<string>? words = null, bool canBeNull = false) =>
        new(name, kind, SpacePart.Head, (o, v) => o with { Train = apply(o.Train, v) }, words, canBeNull);

    private static SpaceOption OfTuning(
        string name, SpaceKind kind, Func<FinetuneArguments, object?, FinetuneArguments> apply, IReadOnlyList<string>? words = null, bool canBeNull = false,
        SpacePart part = SpacePart.Tuning) =>
        new(name, kind, part, (o, v) => o with { Tuning = apply(o.Tuning, v) }, words, canBeNull);

    private static int Int(object? value) => (int)Math.Clamp((long)value!, int.MinValue, int.MaxValue);

    private static T Word<T>(object? value)
        where T : struct, Enum => Enum.Parse<T>((string)value!, ignoreCase: true);

    private static string[] Names<T>()
        where T : struct, Enum => [.. Enum.GetNames<T>().Select(n => n.ToLowerInvariant())];
}
