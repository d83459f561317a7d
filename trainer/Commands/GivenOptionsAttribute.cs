using Cocona.Filters;

namespace Headstart.Training.Commands;

/// <summary>Tells a command which options were really typed: Cocona itself shows no difference to a default.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class GivenOptionsAttribute : CommandFilterAttribute
{
    public override ValueTask<int> OnCommandExecutionAsync(CoconaCommandExecutingContext ctx, CommandExecutionDelegate next)
    {
        var given = ctx.ParsedCommandLine.Options.Select(o => o.Option.Name).ToHashSet(StringComparer.Ordinal);
        if (ctx.CommandTarget is TrainCommand train)
            train.Given = given;
        if (ctx.CommandTarget is FinetuneCommand finetune)
            finetune.Given = given;
        return next(ctx);
    }
}
