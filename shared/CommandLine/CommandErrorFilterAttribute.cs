using Cocona;
using Cocona.Command.Binder;
using Cocona.Filters;

namespace Headstart.CommandLine;

/// <summary>Turns every way in which a command can end badly into one line on standard error and an exit code.</summary>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class CommandErrorFilterAttribute : CommandFilterAttribute
{
    public override async ValueTask<int> OnCommandExecutionAsync(CoconaCommandExecutingContext ctx, CommandExecutionDelegate next)
    {
        try
        {
            RejectExtraArguments(ctx);
            return await next(ctx);
        }
        catch (CommandException e)
        {
            return Fail(e.Message, e.ExitCode);
        }
        catch (OperationCanceledException)
        {
            return Fail("Interrupted.", ExitCode.Interrupted);
        }
        catch (ParameterBinderException e)
        {
            return Fail(Describe(e), ExitCode.Usage);
        }
        catch (Exception e) when (e is not CommandExitedException)
        {
            // A defect of ours. The trace helps us, and frightens the user: only on request.
            var detail = Environment.GetEnvironmentVariable("HEADSTART_TRACE") is null ? "" : $"\n{e}";
            return Fail($"Unexpected {e.GetType().Name}: {e.Message} Set HEADSTART_TRACE=1 for details, and please report it.{detail}",
                ExitCode.Failed);
        }
    }

    /// <summary>Writes the one line.</summary>
    /// <returns>The exit code.</returns>
    internal static int Fail(string message, int exitCode)
    {
        Console.Error.WriteLine($"error: {message}");
        return exitCode;
    }

    // Cocona ignores positional arguments that no parameter takes.
    private static void RejectExtraArguments(CoconaCommandExecutingContext ctx)
    {
        var given = ctx.ParsedCommandLine.Arguments;
        if (ctx.Command.Arguments.Any(a => a.IsEnumerableLike) || Attribute.IsDefined(ctx.Command.Method, typeof(MoreArgumentsAttribute))
            || given.Count <= ctx.Command.Arguments.Count)
            return;
        throw CommandException.Usage($"Unexpected argument '{given[ctx.Command.Arguments.Count].Value}'. See --help.");
    }

    private static string Describe(ParameterBinderException e) => e.Result switch
    {
        ParameterBinderResult.InsufficientArgument => $"Argument {e.Argument?.Name} is missing. See --help.",
        ParameterBinderResult.InsufficientOption => $"Option --{e.Option?.Name} is required. See --help.",
        ParameterBinderResult.InsufficientOptionValue => $"Option --{e.Option?.Name} needs a value. See --help.",
        ParameterBinderResult.TypeNotSupported when e.Option is { } option =>
            $"Option --{option.Name} is {GivenValue(e)}; it must be {Expected(option.UnwrappedOptionType)}.",
        _ => $"{e.Message} See --help.",
    };

    // Cocona: "Option 'batch' requires Nullable`1 value. 'many' cannot be converted to Nullable`1 value."
    private static string GivenValue(ParameterBinderException e) =>
        e.Message[(e.Message.IndexOf(". ", StringComparison.Ordinal) + 2)..].Split(" cannot be converted", 2)[0];

    private static string Expected(Type type) => type switch
    {
        { IsEnum: true } => $"one of {string.Join(", ", Enum.GetNames(type).Select(n => n.ToLowerInvariant()))}",
        _ when type == typeof(int) || type == typeof(long) => "a whole number",
        _ => "a number",
    };
}
