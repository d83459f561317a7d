using System.Globalization;
using Cocona;
using Cocona.Command;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Headstart.CommandLine;

/// <summary>Runs a program's commands: parsing by Cocona, with Headstart's errors and exit codes around it.</summary>
public static class CommandApp
{
    // What Cocona returns for --help or a missing argument.
    private const int CoconaUsage = 129;

    /// <param name="args">The command line, without the program's name.</param>
    /// <param name="addCommands">Adds the program's command classes.</param>
    /// <returns>One of <see cref="ExitCode"/>.</returns>
    public static int Run(string[] args, Action<CoconaApp> addCommands)
    {
        CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        CultureInfo.DefaultThreadCurrentUICulture = CultureInfo.CurrentUICulture = CultureInfo.InvariantCulture;

        // The host would otherwise read and watch appsettings.json in the current folder, which may hold thousands of pictures.
        Environment.SetEnvironmentVariable("DOTNET_contentRoot", AppContext.BaseDirectory);
        Environment.SetEnvironmentVariable("DOTNET_hostBuilder__reloadConfigOnChange", "false");

        var builder = CoconaApp.CreateBuilder(args, options =>
        {
            options.TreatPublicMethodsAsCommands = false;
            options.EnableConvertArgumentNameToLowerCase = false;
        });
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton<ICoconaBootstrapper, CommandBootstrapper>();
        var app = builder.Build();
        app.UseFilter(new CommandErrorFilterAttribute());
        addCommands(app);
        Environment.ExitCode = ExitCode.Done;
        app.Run();

        return Environment.ExitCode != CoconaUsage
            ? Environment.ExitCode
            : args.Any(a => a is "--help" or "-h") ? ExitCode.Done : ExitCode.Usage;
    }
}
