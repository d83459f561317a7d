using System.Reflection;
using Headstart.CommandLine;

namespace Headstart.Trainer.Runs;

/// <summary>An option that decides about the numbers, and what a request says of it.</summary>
/// <param name="Option">As it is typed, without the dashes.</param>
/// <param name="Value">Null where it was left out.</param>
internal readonly record struct Choice(string Option, object? Value);

/// <summary>The one table of options: what the properties marked with <see cref="ChoiceAttribute"/> say, in their order.</summary>
internal static class Choices
{
    /// <summary>The marked properties of a type of request, in the order in which they are written down there.</summary>
    public static IEnumerable<(PropertyInfo Property, ChoiceAttribute Choice)> In(Type request) =>
        from property in request.GetProperties()
        let choice = property.GetCustomAttribute<ChoiceAttribute>()
        where choice is not null
        orderby property.MetadataToken
        select (property, choice);

    /// <summary>What a request chose, option by option.</summary>
    public static IReadOnlyList<Choice> Of(object request) =>
        [.. In(request.GetType()).Select(p => new Choice(p.Choice.Option, p.Property.GetValue(request)))];

    /// <summary>The command with every option that is not its default.</summary>
    /// <param name="start">The command and what every use of it has, quoted.</param>
    /// <param name="request">What is asked.</param>
    /// <param name="defaults">The same, with all options left out.</param>
    public static string Command(IEnumerable<string> start, object request, object defaults)
    {
        var parts = start.ToList();
        foreach (var ((option, value), (_, unless)) in Of(request).Zip(Of(defaults)))
        {
            if (value is true && unless is false)
                parts.Add($"--{option}");
            else if (value is not null && !value.Equals(unless))
                parts.AddRange([$"--{option}", ShellWord.Quote(CommandText.Value(value))]);
        }

        return string.Join(' ', parts);
    }

    /// <summary>Holds a run that goes on to the options that it was begun with.</summary>
    /// <param name="run">The run's folder, for messages.</param>
    /// <param name="given">The options that were typed now; the others don't matter.</param>
    /// <param name="now">What is asked now.</param>
    /// <param name="begun">What was asked then.</param>
    /// <param name="except">Options that only say where something is.</param>
    /// <exception cref="CommandException">One differs; the message names it.</exception>
    public static void RequireSame(string run, IReadOnlySet<string> given, object now, object begun, params ReadOnlySpan<string> except)
    {
        foreach (var ((option, value), (_, then)) in Of(now).Zip(Of(begun)))
        {
            if (given.Contains(option) && !except.Contains(option) && !Equals(value, then))
            {
                throw CommandException.Usage($"--{option} {CommandText.Value(value)}: {run} was begun with {CommandText.Value(then)}. " +
                    $"Leave --{option} out to go on with that, or give another --out.");
            }
        }
    }

    /// <summary>
    /// Copies every property that both have under one name, such as those of a typed command line into the request that is stored.
    /// </summary>
    /// <typeparam name="T">What is made.</typeparam>
    /// <param name="from">What has the values.</param>
    /// <param name="to">What gets them; changed in place, so nobody else may have it yet.</param>
    public static T Copy<T>(object from, T to)
        where T : class
    {
        foreach (var target in typeof(T).GetProperties().Where(p => p.CanWrite))
        {
            if (from.GetType().GetProperty(target.Name) is { } source && source.GetValue(from) is { } value)
                target.SetValue(to, value);
        }

        return to;
    }
}
