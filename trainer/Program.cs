using Headstart.CommandLine;

return CommandApp.Run(args, app => { });
