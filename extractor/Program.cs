using Cocona;
using Headstart.CommandLine;
using Headstart.Extraction.Commands;

return CommandApp.Run(args, app =>
{
    app.AddCommands<ExtractCommand>();
    app.AddCommands<PredictCommand>();
    app.AddCommands<DemoDataCommand>();
    app.AddCommands<DemoBaseCommand>();
    app.AddSubCommand("model", model =>
    {
        model.AddCommands<ModelListCommand>();
        model.AddCommands<ModelFetchCommand>();
        model.AddCommands<ModelImportCommand>();
        model.AddCommands<ModelInfoCommand>();
        model.AddCommands<ModelVerifyCommand>();
        model.AddCommands<ModelQuantizeCommand>();
    }).WithDescription("Make, show and check model files.");
    app.AddSubCommand("cache", cache => cache.AddCommands<CacheCommands>()).WithDescription("Inspect caches.");
});
