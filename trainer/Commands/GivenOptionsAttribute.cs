using Cocona.Filters;

namespace Headstart.Trainer.Commands;

/// <summary>
/// Tells a command which options were really typed (Cocona itself shows no difference to a default), and the arguments behind the first.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class GivenOptionsAttribute : CommandFilterAttribute
{
    public override ValueTask<int> OnCommandExecutionAsync(CoconaCommandExecutingContext ctx, CommandExecutionDelegate next)
    {
        var given = ctx.ParsedCommandLine.Options.Select(o => o.Option.Name).ToHashSet(StringComparer.Ordinal);
        if (ctx.CommandTarget is TrainCommand train)
            (train.Given, train.More) = (given, [.. ctx.ParsedCommandLine.Arguments.Skip(1).Select(a => a.Value)]);
        if (ctx.CommandTarget is FinetuneCommand finetune)
            finetune.Given = given;
        return next(ctx);
    }
}
