using Cocona;
using Cocona.Application;
using Headstart.Cache;
using Headstart.CommandLine;

namespace Headstart.Extraction.Commands;

internal sealed class CacheCommands
{
    [Command("info", Description = "Show what a cache holds and how it was made.")]
    public async Task InfoAsync(
        [Argument(Name = "CACHE", Description = "The cache folder.")] string folder,
        [FromService] ICoconaAppContextAccessor context,
        [Option("json", Description = "Print one JSON object on standard output.")] bool json = false)
    {
        var cache = await FeatureCache.OpenAsync(folder, context.Current!.CancellationToken);
        var info = CacheInfo.Of(cache);
        if (json)
        {
            JsonOutput.Write(info);
            return;
        }

        Console.WriteLine($"{folder}: {info.Rows:N0} rows in {info.Files:N0} files, {info.Bytes / 1e6:N1} MB");
        foreach (var (name, shape) in info.Layers)
            Console.WriteLine($"  layer {name}: {shape}");
        foreach (var (split, classes) in CacheInfo.CountClasses(cache))
            Console.WriteLine($"  {split}: {string.Join(", ", classes.Select(c => $"{c.Label} {c.Rows:N0}"))}");
        Console.WriteLine($"  model {info.Contract.Model}, sha256 {info.Contract.ModelSha256[..16]}..., {info.Contract.Precision}, preprocessing {info.Contract.Preprocessing.Preset}");
        if (info.Contract.ModelNote is { } note)
            WrappedText.Write(Console.Out, "  note: ", note);
        Console.WriteLine($"  made on {info.Contract.Provider} by version {info.Contract.Tool.Split('+')[0]}");
    }
}
