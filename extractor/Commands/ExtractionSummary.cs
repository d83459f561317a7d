using Headstart.CommandLine;
using Headstart.Extraction.Pipeline;
using Headstart.Models;

namespace Headstart.Extraction.Commands;

/// <summary>What <c>extract</c> tells people: the result, where it lies, what to type next.</summary>
internal static class ExtractionSummary
{
    public static void Print(ExtractionResult result, string cache, ModelFile model)
    {
        var rows = result.Images - result.Rejected;
        Console.WriteLine($"{rows:N0} images in {cache}: {Counts(result)}.");
        if (result.Computed > 0)
            Console.WriteLine(
                $"  {result.Seconds:N1} s, {result.ImagesPerSecond:N1} images/s, {result.PeakMemoryBytes >> 20:N0} MiB at most");
        if (result.Added is { } added)
        {
            Console.WriteLine($"  added {string.Join(", ", added.Layers)} to {added.Rows:N0} rows that were there, from " +
                $"{(added.From.Count > 0 ? $"the cached {string.Join(", ", added.From)}" : "the images")}");
        }

        if (result.Views > 0)
            Console.WriteLine($"  {result.Views:N0} augmented views of each image beside the plain one");
        foreach (var (name, shape) in result.Layers)
            Console.WriteLine($"  layer {name}: {shape}");
        if (result.RejectedFile is { } rejected)
            Console.WriteLine($"  rejected: {rejected} says why");
        if (model.Contract.Weights.Note is { } note)
            WrappedText.Write(Console.Out, "  note: ", note);
        if (result.Classes.Count > 1)
            Console.WriteLine($"Next: trainer train {ShellWord.Quote(cache)} --out RUN");
    }

    private static string Counts(ExtractionResult result)
    {
        var counts = new List<string> { $"{result.Computed:N0} computed" };
        if (result.Reused > 0)
            counts.Add($"{result.Reused:N0} already there");
        if (result.Moved > 0)
            counts.Add($"{result.Moved:N0} of them moved");
        if (result.Duplicates > 0)
            counts.Add($"{result.Duplicates:N0} exact duplicates");
        if (result.Removed > 0)
            counts.Add($"{result.Removed:N0} removed");
        if (result.Rejected > 0)
            counts.Add($"{result.Rejected:N0} rejected");
        return string.Join(", ", counts);
    }
}
