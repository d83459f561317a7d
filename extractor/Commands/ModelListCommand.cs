using Cocona;
using Headstart.CommandLine;
using Headstart.Extraction.Shelf;

namespace Headstart.Extraction.Commands;

internal sealed class ModelListCommand
{
    [Command("list", Description = "Show which models 'model fetch' knows.")]
    public void List([Option("json", Description = "Print one JSON object instead of text.")] bool json = false)
    {
        var shelf = ModelShelf.Load();
        if (json)
        {
            JsonOutput.Write(shelf);
            return;
        }

        foreach (var model in shelf.Models)
        {
            Console.Out.WriteLine(model.Name);
            WrappedText.Write(Console.Out, "  ", $"{model.Title}; preset " +
                $"{model.Preset}.{(model.Megabytes is { } size ? $" {size} MB, of which only the base is fetched." : "")}");
            WrappedText.Write(Console.Out, "  Licence  ", model.License);
            WrappedText.Write(Console.Out, "  Checked  ", Checked(model));
        }

        Console.Out.WriteLine("Next: extractor model fetch NAME");
    }

    private static string Checked(ShelfModel model)
    {
        if (model.Checksum is not { } checksum)
            return "nothing is published: the first fetch records what came, later ones compare.";
        var published = $"{(checksum.Algorithm == ChecksumAlgorithm.Md5 ? "MD5" : "SHA-256")} of the whole file, as published";
        return model.InTensors
            ? $"{published} (with --whole); otherwise the first fetch records each tensor's SHA-256, later ones compare."
            : $"{published}.";
    }
}
