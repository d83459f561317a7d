using Cocona;
using Cocona.Application;
using Headstart.CommandLine;
using Headstart.Extraction.Import;
using Headstart.Extraction.Shelf;
using Headstart.Models;
using Headstart.Models.Onnx;

namespace Headstart.Extraction.Commands;

internal sealed class ModelFetchCommand
{
    // ONNX's own name for it, which other tools show.
    private const string LicenseKey = "model_license";

    [Command(
        "fetch", Description = "Fetch published weights by name, check them, and make a model file. Goes on where an earlier fetch ended.")]
    public async Task FetchAsync(
        [FromService] ICoconaAppContextAccessor context,
        [Argument(Name = "NAME", Description = "Such as vgg16; 'model list' shows all.")] string name,
        [Option("from", Description = "A copy of the weights: a file, or an http(s) address. Checked like the original.",
            ValueName = "FILE|URL")]
        string? from = null,
        [Option("out", Description = "The model file to write. Default: NAME.onnx.", ValueName = "FILE.onnx")] string? @out = null,
        [Option("layer", Description = "A tensor that becomes a layer; repeatable. Default: every block's pool.", ValueName = "NAME")]
        string[]? layer = null,
        [Option("whole", Description = "Fetch the whole file, so that a published checksum can be checked, where otherwise only the " +
            "base's tensors are fetched.")] bool whole = false,
        [Option("json", Description = "Print one JSON object instead of text.")] bool json = false)
    {
        var model = ModelShelf.Load().Named(name);
        var path = @out ?? $"{model.Name}.onnx";
        if (Directory.Exists(path))
            throw CommandException.Usage($"--out {path} is a folder; pass the name of the .onnx file to write.");
        foreach (var asked in layer ?? [])
            // Throws where there is no such layer, before anything is fetched.
            VggArchitecture.Named(model.Architecture).ConvolutionsUpTo(asked);
        WrappedText.Write(json ? Console.Error : Console.Out, "Licence  ", model.License);

        using var client = RemoteFile.CreateClient();
        var fetch = new ModelFetch(
            ShelfFolder.Locate(Environment.GetEnvironmentVariable), client, new DownloadOptions(), TimeProvider.System,
            Console.Error.WriteLine);
        var weights = await ProgressDisplay.RunAsync(
            "fetching", "MB", TimeProvider.System,
            progress => fetch.RunAsync(model, from, whole, progress, context.Current!.CancellationToken));

        var imported = ModelImport.Run(new ImportOptions
        {
            Weights = weights.Path,
            Out = path,
            Preset = model.Preset,
            Architecture = model.Architecture,
            Layers = layer is { Length: > 0 } ? layer : model.Layers,
        });
        imported.Proto.MetadataProps.Add(new StringStringEntryProto { Key = LicenseKey, Value = model.License });
        ModelFile.Save(imported.Proto, imported.Contract, path);
        var report = ModelReport.Of(ModelFile.Load(path), imported.Notes);
        if (json)
            JsonOutput.Write(new { model.Name, model.License, Weights = weights, Model = report });
        else
            Print(weights, report, path);
    }

    private static void Print(FetchedWeights weights, ModelReport report, string path)
    {
        Console.Out.WriteLine(weights.ReceivedBytes == 0
            ? $"Nothing to fetch: {weights.Path} is here."
            : $"Fetched {weights.ReceivedBytes / 1e6:N1} MB from {weights.From} to {weights.Path}.");
        foreach (var sentence in weights.Checks)
            WrappedText.Write(Console.Out, "", sentence);
        Console.Out.WriteLine(
            $"Imported {report.Contract.Name}: {ModelReport.Count(report.Contract.Layers.Count)}, {report.Parameters:N0} weights.");
        report.Write(Console.Out);
        foreach (var note in report.Notes ?? [])
            WrappedText.Write(Console.Out, "", note);
        Console.Out.WriteLine($"Next: extractor extract IMAGES --model {ShellWord.Quote(path)} --out cache");
    }
}
