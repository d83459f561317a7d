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
        if (FolderWords.Strangers(folder, cache.Strangers) is { } strangers)
            Console.Error.WriteLine(strangers);
        if (json)
        {
            JsonOutput.Write(info);
            return;
        }

        Console.WriteLine($"{folder}: {info.Rows:N0} rows in {info.Files:N0} files, {info.Bytes / 1e6:N1} MB");
        WrappedText.Write(Console.Out, "  ", info.Completeness.Words);
        foreach (var (name, shape) in info.Layers)
            Console.WriteLine($"  layer {name}: {shape}{Storage(info, name)}");
        foreach (var (name, shape) in info.PartialLayers)
            Console.WriteLine($"  layer {name}: {shape}{Storage(info, name)}, in some parts only: other shards still have to add it");
        if (info.Views > 0)
        {
            var plain = cache.Rows.Count(r => r.View == 0);
            WrappedText.Write(Console.Out, "  views: ", $"{info.Views:N0} of an image beside the plain one, seed " +
                $"{info.Contract.Augmentation?.Seed}; {plain:N0} plain rows, {info.Rows - plain:N0} augmented");
        }

        foreach (var (split, classes) in CacheInfo.CountClasses(cache))
            WrappedText.Write(Console.Out, $"  {split}: ", string.Join(", ", classes.Select(c => $"{c.Label} {c.Rows:N0}")));
        WrappedText.Write(Console.Out, "  model ", $"{info.Contract.Model}, sha256 {info.Contract.ModelSha256[..16]}..., " +
            $"{info.Contract.Precision}, preprocessing {info.Contract.Preprocessing.Preset}");
        if (info.Contract.ModelNote is { } note)
            WrappedText.Write(Console.Out, "  note: ", note);
        Console.WriteLine($"  made on {info.Contract.Provider} by version {info.Contract.Tool.Split('+')[0]}");
    }

    [Command("verify", Description = "Check every byte of a cache against what was written.")]
    public async Task<int> VerifyAsync(
        [Argument(Name = "CACHE", Description = "The cache folder.")] string folder,
        [FromService] ICoconaAppContextAccessor context,
        [Option("require-complete", Description = "Fail where the cache is not complete, or it isn't known.")] bool requireComplete = false,
        [Option("json", Description = "Print one JSON object on standard output.")] bool json = false)
    {
        var found = await CacheVerification.RunAsync(folder, context.Current!.CancellationToken);
        if (json)
            JsonOutput.Write(found);
        else if (found.Damaged.Count == 0)
            Console.WriteLine($"{folder} is whole: {found.Rows:N0} rows in {found.Files:N0} files.");
        else
            Console.WriteLine(
                $"{found.Damaged.Count:N0} of {found.Files:N0} files in {folder} are damaged; the others hold {found.Rows:N0} rows.");
        if (!json)
            Console.WriteLine($"It is {found.Completeness.Words}.");
        if (FolderWords.Strangers(folder, found.Strangers) is { } strangers)
            Console.Error.WriteLine(strangers);
        foreach (var (file, reason) in found.Damaged)
            Console.Error.WriteLine($"{file}: {reason}");
        foreach (var digest in found.Unfinished)
            Console.Error.WriteLine(
                $"{digest}: its part is not there. A run was killed while writing it, or it was deleted; extract again.");
        if (found.Damaged.Count > 0)
        {
            throw new CommandException(found.LacksOnlyDigests
                ? $"{folder} has parts without a digest. Extract again: their rows are computed anew, and the files stay until then."
                : $"{folder} is damaged. Delete the files named above and extract again: only their rows are computed.");
        }

        return !requireComplete || found.Completeness.Complete == true
            ? ExitCode.Done
            : throw new CommandException($"{folder} is {found.Completeness.Words}.");
    }

    private static string Storage(CacheInfo info, string layer) => info.Contract.Storage == LayerStorage.Floats ? ""
        : info.ByteLayers.ContainsKey(layer) ? ", stored as bytes"
        : ", stored as floats (the model computes it in float32)";
}
