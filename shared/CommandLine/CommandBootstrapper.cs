using System.Reflection;
using Cocona.Command;
using Cocona.Command.Dispatcher;
using Cocona.CommandLine;

namespace Headstart.CommandLine;

/// <summary>
/// Finds the command that was typed and runs it; where there is none of that name, or an option that it doesn't have, says which one is
/// near and where to look.
/// </summary>
/// <remarks>
/// In place of Cocona's own, which knows no more than the option's name. An exception that leaves it would leave the host running for ever.
/// </remarks>
internal sealed class CommandBootstrapper(
    ICoconaCommandLineArgumentProvider arguments, ICoconaCommandProvider provider, ICoconaCommandResolver resolver,
    ICoconaCommandDispatcher dispatcher) : ICoconaBootstrapper
{
    private CommandCollection? _commands;

    public void Initialize() => _commands = provider.GetCommandCollection();

    public async ValueTask<int> RunAsync(CancellationToken cancellationToken)
    {
        CommandResolverResult found;
        try
        {
            found = Resolve(arguments.GetArguments());
        }
        catch (CommandException e)
        {
            return CommandErrorFilterAttribute.Fail(e.Message, e.ExitCode);
        }

        return await dispatcher.DispatchAsync(found, cancellationToken);
    }

    private CommandResolverResult Resolve(IReadOnlyList<string> args)
    {
        CommandResolverResult found;
        try
        {
            found = resolver.ParseAndResolve(_commands!, args);
        }
        catch (CommandNotFoundException e)
        {
            var group = args.TakeWhile(a => a != e.Command).Where(a => !a.StartsWith('-')).ToArray();
            var names = e.ImplementedCommands.All.Where(c => !c.IsHidden).Select(c => c.Name);
            throw Unknown("command", InGroup(e.Command), e.Command, names, InGroup, group);

            string InGroup(string command) => string.Join(' ', [.. group, command]);
        }

        if (!found.Success || found.MatchedCommand!.Flags.HasFlag(CommandFlags.IgnoreUnknownOptions)
            || found.ParsedCommandLine!.UnknownOptions.Count == 0)
            return found;
        var name = found.ParsedCommandLine.UnknownOptions[0].Split('=', 2)[0];
        var command = found.MatchedCommand;
        var options = command.Options.Where(o => !o.IsHidden).Select(o => o.Name).Concat(command.OptionLikeCommands.Select(o => o.Name));
        IEnumerable<string> path =
            [.. found.SubCommandStack!.Select(c => c.Name), .. command.IsPrimaryCommand ? [] : new[] { command.Name }];
        throw Unknown("option", Typed(name, args), name, options, n => $"--{n}", path);
    }

    private static CommandException Unknown(
        string kind, string typed, string name, IEnumerable<string> names, Func<string, string> shown, IEnumerable<string> path)
    {
        var near = NearestNames.Nearest(name, names) is { } nearest ? $" Did you mean '{shown(nearest)}'?" : "";
        return CommandException.Usage(
            $"Unknown {kind} '{typed}'.{near} See '{string.Join(' ', [Assembly.GetEntryAssembly()!.GetName().Name!, .. path])} --help'.");
    }

    // Cocona tells a name without its dashes; one letter can stand among others behind one dash.
    private static string Typed(string name, IEnumerable<string> args) =>
        args.Any(a => a == $"--{name}" || a.StartsWith($"--{name}=", StringComparison.Ordinal)) ? $"--{name}" : $"-{name}";
}
