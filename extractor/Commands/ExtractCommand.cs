using Cocona;
using Cocona.Application;
using Headstart.Cache;
using Headstart.CommandLine;
using Headstart.Extraction.Pipeline;
using Headstart.Extraction.Runtime;
using Headstart.Images;
using Headstart.Models;

namespace Headstart.Extraction.Commands;

internal sealed class ExtractCommand
{
    [Command("extract", Description = "Run the base once over a picture set and cache its features.")]
    public async Task<int> ExtractAsync(ExtractOptions options, [FromService] ICoconaAppContextAccessor context)
    {
        options.Validate();
        var shard = options.Shard is null ? null : Shard.Parse(options.Shard, Environment.GetEnvironmentVariable);
        var images = ImageSet.Open(options.Images).Where(i => shard?.Owns(i.Path) ?? true);
        var model = ModelFile.LoadBase(options.Model);
        if (options.Store == LayerStorage.Bytes && model.Contract.Precision != "int8")
        {
            throw CommandException.Usage(
                $"--store bytes: {options.Model} computes in {model.Contract.Precision} and has no bytes to store. " +
                "Pass an int8 model ('extractor model quantize' makes one), or leave --store out.");
        }

        var cancellationToken = context.Current!.CancellationToken;
        var layers = await LayersAsync(options, model, Console.Error.WriteLine, cancellationToken);
        using var network = BaseNetwork.Load(model, layers, options.Device, options.ThreadCount);
        if (network.Provider.Notice is { } notice)
            Console.Error.WriteLine(notice);
        var settings = new ExtractionSettings(BatchSize(options, network), options.ThreadCount, options.Rehash, options.Views, options.Seed,
            options.Store, options.MaxRejected);
        var run =
            new ExtractionRun(images, network, new CacheFolder(options.Out, shard), settings, TimeProvider.System, Console.Error.WriteLine);
        ExtractionResult result;
        try
        {
            result = await ProgressDisplay.RunAsync(
                "extracting", options.Views > 0 ? "views" : "images", TimeProvider.System,
                progress => run.RunAsync(progress, cancellationToken));
        }
        catch (OperationCanceledException)
        {
            throw await InterruptedAsync(options, shard);
        }

        if (options.Json)
            JsonOutput.Write(result);
        else
            ExtractionSummary.Print(result, options.Out, model);
        if (options.Profile)
            ProfileReport.Write(options.Json ? Console.Error : Console.Out, result, options.ThreadCount);
        return CheckRejected(result, options);
    }

    /// <summary>
    /// The layers asked for and those that the cache has: none is ever dropped, and new images get them all. Empty stands for all of the
    /// model's.
    /// </summary>
    private static async Task<IReadOnlyList<string>> LayersAsync(
        ExtractOptions options, ModelFile model, Action<string> say, CancellationToken cancellationToken)
    {
        var asked = options.Layer ?? [];
        if (await FeatureCache.PeekContractsAsync(options.Out, cancellationToken) is not { } parts)
            return asked;
        var named = model.Contract.Layers.Select(l => l.Name).ToList();
        var cached = parts.AllLayers.Select(l => l.Name).Intersect(named).ToList();
        if (asked.Length == 0 && cached.Count > 0 && named.Except(cached).ToList() is { Count: > 0 } others)
            say($"{options.Out} keeps its layers ({string.Join(", ", cached)}). {options.Model} also names {string.Join(", ", others)}: " +
                "--layer NAME adds one.");
        return [.. asked.Union(cached)];
    }

    /// <summary>What is there of it, and what to type to go on.</summary>
    private static async Task<CommandException> InterruptedAsync(ExtractOptions options, Shard? shard)
    {
        var there = "";
        if (FeatureCache.Exists(options.Out))
        {
            var cache = await FeatureCache.OpenAsync(options.Out, CancellationToken.None);
            there = cache.Completeness is { Images: { } images, Done: { } done }
                ? $" {done:N0} of {images:N0} images are in {options.Out}."
                : "";
        }

        return new CommandException($"Interrupted.{there} To go on: {options.Repeated(shard)}", ExitCode.Interrupted);
    }

    private static int BatchSize(ExtractOptions options, BaseNetwork network)
    {
        if (network.FixedBatch is { } only)
        {
            return options.Batch is null || options.Batch == only
                ? only
                : throw CommandException.Usage($"--batch is {options.Batch}, but {options.Model} only takes batches of {only}.");
        }

        return options.Batch ?? (network.Provider.IsCpu ? 8 : 32);
    }

    private static int CheckRejected(ExtractionResult result, ExtractOptions options)
    {
        // A shard of a small set may have no image at all.
        var percent = 100.0 * result.Rejected / Math.Max(result.Images, 1);
        if (percent <= options.MaxRejected)
            return ExitCode.Done;
        throw new CommandException(
            $"{result.Rejected:N0} of {result.Images:N0} images can't be used ({percent:0.#}%, --max-rejected is {options.MaxRejected}). " +
            $"{result.RejectedFile} says why; the other rows are in the cache.");
    }
}
