using Cocona;
using Headstart.CommandLine;
using Headstart.Trainer.Commands;

return CommandApp.Run(args, app =>
{
    app.AddCommands<TrainCommand>();
    app.AddCommands<EvaluateCommand>();
    app.AddCommands<ExportCommand>();
    app.AddCommands<FinetuneCommand>();
    app.AddCommands<SweepCommand>();
    app.AddCommands<AuditCommand>();
});
