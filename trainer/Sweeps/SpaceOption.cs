using System.Globalization;
using System.Reflection;
using Headstart.Trainer.Runs;
using Headstart.Trainer.Training;

namespace Headstart.Trainer.Sweeps;

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
internal sealed record TrialOptions(TrainRequest Train, FinetuneRequest Tuning);

/// <summary>An option that a space file may sweep: one marked so in <see cref="TrainRequest"/> or <see cref="FinetuneRequest"/>.</summary>
/// <param name="Name">
/// As <c>trainer train</c> calls it, without the dashes; or as <c>trainer finetune</c> does, with <c>finetune-</c> before it where both
/// have one of that name.
/// </param>
/// <param name="Kind">What its values are.</param>
/// <param name="Part">What it is about.</param>
/// <param name="Apply">Gives options this value: a string, a double, a long, or null.</param>
/// <param name="Words">The only texts that it takes; null for any.</param>
/// <param name="CanBeNull">Whether JSON's null is a value: the option left out.</param>
internal sealed record SpaceOption(
    string Name, SpaceKind Kind, SpacePart Part, Func<TrialOptions, object?, TrialOptions> Apply, IReadOnlyList<string>? Words = null,
    bool CanBeNull = false)
{
    public const string Unfreeze = "unfreeze";

    public const string UnfreezeFrom = "unfreeze-from";

    /// <summary>All of them.</summary>
    public static IReadOnlyList<SpaceOption> All { get; } =
    [
        .. Swept<TrainRequest>().Select(p => Of(p.Property, p.Choice.Option, SpacePart.Head)),
        .. Swept<FinetuneRequest>().Select(p => OfTuning(p.Property, p.Choice.Option)),
    ];

    private static IEnumerable<(PropertyInfo Property, ChoiceAttribute Choice)> Swept<T>() =>
        Choices.In(typeof(T)).Where(p => p.Choice.Swept);

    private static SpaceOption OfTuning(PropertyInfo property, string option)
    {
        var name = Swept<TrainRequest>().Any(p => p.Choice.Option == option) ? $"finetune-{option}" : option;
        return option switch
        {
            // On the command line a number of blocks or "all"; 0 blocks are the head alone, which has no such option.
            Unfreeze => Of(property, name, SpacePart.Depth) with
            {
                Kind = SpaceKind.Whole,
                CanBeNull = false,
                Apply = (o, v) => o with
                {
                    Tuning = o.Tuning with { Unfreeze = v is null or 0L ? null : ((long)v).ToString(CultureInfo.InvariantCulture) },
                },
            },
            UnfreezeFrom => Of(property, name, SpacePart.Depth),

            // It solves linear heads, and a base is none.
            "optimizer" =>
                Of(property, name, SpacePart.Tuning) with { Words = [.. Names(typeof(OptimizerChoice)).Where(n => n != "lbfgs")] },
            _ => Of(property, name, SpacePart.Tuning),
        };
    }

    private static SpaceOption Of(PropertyInfo property, string name, SpacePart part)
    {
        var type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        return new SpaceOption(
            name,
            type == typeof(double) ? SpaceKind.Number : type == typeof(int) || type == typeof(long) ? SpaceKind.Whole : SpaceKind.Text,
            part,
            (o, v) =>
                part == SpacePart.Head ? o with { Train = With(o.Train with { }, v) } : o with { Tuning = With(o.Tuning with { }, v) },
            type.IsEnum ? Names(type) : null,
            new NullabilityInfoContext().Create(property).WriteState == NullabilityState.Nullable);

        T With<T>(T copy, object? value)
        {
            property.SetValue(copy, value is null ? null : Converted(value, type));
            return copy;
        }
    }

    private static object Converted(object value, Type type) => value switch
    {
        string word when type.IsEnum => Enum.Parse(type, word, ignoreCase: true),
        long number when type == typeof(int) => (int)Math.Clamp(number, int.MinValue, int.MaxValue),
        _ => value,
    };

    private static string[] Names(Type type) => [.. Enum.GetNames(type).Select(n => n.ToLowerInvariant())];
}
