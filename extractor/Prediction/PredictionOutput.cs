using System.Globalization;
using System.Text.Json;
using CsvHelper;
using Headstart.CommandLine;
using Headstart.Models;

namespace Headstart.Extraction.Prediction;

/// <summary>How predictions are written.</summary>
internal enum PredictionFormat
{
    /// <summary>For people: 80 columns, long paths cut at the front.</summary>
    Table,

    /// <summary>path, label, probability, error, and a column a class.</summary>
    Csv,

    /// <summary>A JSON object a line.</summary>
    Jsonl,
}

/// <summary>Writes predictions to a stream of text, one after the other.</summary>
internal abstract class PredictionOutput(TextWriter writer, IReadOnlyList<string> classes)
{
    protected TextWriter Writer => writer;

    protected IReadOnlyList<string> Classes => classes;

    public static PredictionOutput Create(PredictionFormat format, TextWriter writer, PredictionContract decision) => format switch
    {
        PredictionFormat.Csv => new CsvPredictions(writer, decision.Classes),
        PredictionFormat.Jsonl => new JsonPredictions(writer, decision.Classes),
        _ => new TablePredictions(writer, decision.Classes),
    };

    /// <summary>Writes what stands before the first prediction.</summary>
    public virtual void Begin()
    {
    }

    /// <summary>Writes one prediction, with the end of its line.</summary>
    public abstract void Write(PredictedImage image);
}

/// <inheritdoc cref="PredictionFormat.Table"/>
internal sealed class TablePredictions(TextWriter writer, IReadOnlyList<string> classes) : PredictionOutput(writer, classes)
{
    private const string Rejected = "rejected";
    private const int NumberWidth = 6;
    private const int WidestLabel = 30;

    private readonly int _label = Math.Min(WidestLabel, classes.Append(Rejected).Max(c => c.Length));

    private int PathWidth => WrappedText.Width - _label - NumberWidth - 4;

    public override void Write(PredictedImage image)
    {
        var label = image.Probabilities is null ? Rejected : Classes[image.Class];
        if (label.Length > _label)
            label = label[..(_label - 1)] + '…';
        var number =
            image.Probabilities is { } probabilities ? probabilities[image.Class].ToString("0.0000", CultureInfo.InvariantCulture) : "";
        Writer.WriteLine($"{Fitted(image.Item.Path).PadRight(PathWidth)}  {label.PadRight(_label)}  {number}".TrimEnd());
    }

    // The end of a path says more than its beginning. Line breaks would break the table.
    private string Fitted(string path)
    {
        path = path.ReplaceLineEndings("?");
        return path.Length <= PathWidth ? path : '…' + path[^(PathWidth - 1)..];
    }
}

/// <inheritdoc cref="PredictionFormat.Csv"/>
internal sealed class CsvPredictions(TextWriter writer, IReadOnlyList<string> classes) : PredictionOutput(writer, classes)
{
    public override void Begin() => WriteRow(["path", "label", "probability", "error", .. Classes.Select(c => $"p_{c}")]);

    public override void Write(PredictedImage image) => WriteRow(image.Probabilities is { } probabilities
        ? [image.Item.Path, Classes[image.Class], Number(probabilities[image.Class]), "", .. probabilities.Select(Number)]
        : [image.Item.Path, "", "", image.Rejection!, .. Classes.Select(_ => "")]);

    private void WriteRow(IEnumerable<string> fields)
    {
        using var csv = new CsvWriter(Writer, CultureInfo.InvariantCulture, leaveOpen: true);
        foreach (var field in fields)
            csv.WriteField(field);
        csv.NextRecord();
    }

    private static string Number(float value) => value.ToString(CultureInfo.InvariantCulture);
}

/// <inheritdoc cref="PredictionFormat.Jsonl"/>
internal sealed class JsonPredictions(TextWriter writer, IReadOnlyList<string> classes) : PredictionOutput(writer, classes)
{
    public override void Write(PredictedImage image) => Writer.WriteLine(image.Probabilities is { } probabilities
        ? JsonSerializer.Serialize(
            new
            {
                path = image.Item.Path,
                label = Classes[image.Class],
                probabilities = Classes.Zip(probabilities).ToDictionary(p => p.First, p => p.Second),
            }, HeadstartJson.Compact)
        : JsonSerializer.Serialize(new { path = image.Item.Path, error = image.Rejection }, HeadstartJson.Compact));
}
