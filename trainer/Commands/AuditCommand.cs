using Cocona;
using Cocona.Application;
using Headstart.Cache;
using Headstart.CommandLine;
using Headstart.Trainer.Audit;
using Headstart.Trainer.Reports;

using Headstart.Trainer.Runs;

namespace Headstart.Trainer.Commands;

/// <summary><c>trainer audit</c>: what the features already know about the pictures and their labels.</summary>
public sealed class AuditCommand
{
    [Command("audit", Description = "Find wrong labels, duplicates, outliers and unusable images in a cache.")]
    public async Task RunAsync(
        [Argument("CACHE", Description = "Features of the pictures; all splits are looked at.")] string cacheFolder,
        [Option("out", Description = "A folder for the tables and report.html.")] string outFolder,
        [FromService] ICoconaAppContextAccessor context,
        [Option("images", Description = "The folder that was extracted: the report shows its pictures.")] string? images = null,
        [Option("layer", Description = "Which features; the deepest layer when left out.")] string? layerName = null,
        [Option("seed", Description = "Of the folds and the sketches.")] long seed = 0,
        [Option("require-complete",
            Description = "Refuse a cache that doesn't hold every image of its extraction, or of which that isn't known.")]
        bool requireComplete = false,
        [Option("json", Description = "One JSON object on standard output, words on standard error.")] bool json = false)
    {
        var cancellationToken = context.Current!.CancellationToken;
        var time = TimeProvider.System;
        var start = time.GetTimestamp();
        if (images is not null && !Directory.Exists(images))
            throw new CommandException($"--images {images}: no such folder. Pass the folder that was extracted, or leave it out.");
        var cache = await FeatureCache.OpenAsync(cacheFolder, cancellationToken);
        FolderWords.Warn(cache, requireComplete, Console.Error);
        var layer = layerName is null ? cache.Contract.Layers[^1] : cache.Layer(layerName);
        var audit = await DataAudit.RunAsync(cache, layer, seed, time, cancellationToken);

        var notes = new List<string>();
        AuditTables.Write(outFolder, audit);
        if (KnownDuplicatesFile.TryWrite(cacheFolder, audit.Duplicates.Pairs) is { } unwritten)
            notes.Add(unwritten);
        if (audit.Labels is null)
            notes.Add("The labels were not judged: it takes two classes with two pictures each.");
        else if (audit.Labels.NotJudged > 0)
            notes.Add($"{audit.Labels.NotJudged} labels were not judged: there is none, or no second picture of the class.");
        if (cache.Contract.ModelNote is { } modelNote)
            notes.Add(modelNote);
        AuditPage.Write(
            outFolder, audit, cache, layer.Name, Repeated(cacheFolder, outFolder, images, layerName, seed), new Thumbnails(images));

        var seconds = time.GetElapsedTime(start).TotalSeconds;
        new AuditWords(json ? Console.Error : Console.Out).Write(cacheFolder, outFolder, audit, seconds, notes);
        if (json)
            JsonOutput.Write(AuditSummary.Of(audit, outFolder, seconds));
    }

    private static string Repeated(string cacheFolder, string outFolder, string? images, string? layer, long seed)
    {
        List<string> parts = ["trainer", "audit", ShellWord.Quote(cacheFolder), "--out", ShellWord.Quote(outFolder)];
        if (images is not null)
            parts.AddRange(["--images", ShellWord.Quote(images)]);
        if (layer is not null)
            parts.AddRange(["--layer", ShellWord.Quote(layer)]);
        if (seed != 0)
            parts.AddRange(["--seed", CommandText.Value(seed)]);
        return string.Join(' ', parts);
    }
}
