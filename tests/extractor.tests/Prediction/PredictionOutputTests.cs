using System.Globalization;
using System.Text.Json;
using CsvHelper;
using Headstart.Extraction.Prediction;
using Headstart.Images;
using Headstart.Models;

namespace Headstart.Tests.Prediction;

/// <summary>What programs and people read.</summary>
public sealed class PredictionOutputTests
{
    private static readonly string[] Classes = ["cat", "dog, \"small\""];

    private static readonly PredictedImage[] Images =
    [
        new(Item("a.jpg"), [0.125f, 0.875f], 1, null),
        new(Item("b,\"c\".jpg"), [1f, 1e-9f], 0, null),
        new(Item("broken.jpg"), null, -1, "the file is empty"),
        new(Item(string.Join('/', Enumerable.Repeat("long folder", 12)) + "/end.jpg"), [0.5f, 0.5f], 0, null),
    ];

    [Fact]
    public void Json_lines_have_path_label_and_probabilities_or_path_and_error()
    {
        var lines = Written(PredictionFormat.Jsonl).Select(l => JsonDocument.Parse(l).RootElement).ToList();

        Assert.Equal(4, lines.Count);
        Assert.Equal(
            """{"path":"a.jpg","label":"dog, \"small\"","probabilities":{"cat":0.125,"dog, \"small\"":0.875}}""", lines[0].GetRawText());
        Assert.Equal(1e-9, lines[1].GetProperty("probabilities").GetProperty(Classes[1]).GetDouble(), 1e-15);
        Assert.Equal("""{"path":"broken.jpg","error":"the file is empty"}""", lines[2].GetRawText());
    }

    [Fact]
    public void A_csv_has_a_column_a_class_and_reads_back()
    {
        using var csv = new CsvReader(new StringReader(string.Join('\n', Written(PredictionFormat.Csv))), CultureInfo.InvariantCulture);
        Assert.True(csv.Read() && csv.ReadHeader());
        Assert.Equal(["path", "label", "probability", "error", "p_cat", "p_dog, \"small\""], csv.HeaderRecord!);
        foreach (var image in Images)
        {
            Assert.True(csv.Read());
            Assert.Equal(image.Item.Path, csv.GetField("path"));
            Assert.Equal(image.Rejection ?? "", csv.GetField("error"));
            Assert.Equal(image.Probabilities is null ? "" : Classes[image.Class], csv.GetField("label"));
            if (image.Probabilities is { } probabilities)
                Assert.Equal((probabilities[0], probabilities[1]), (csv.GetField<float>(4), csv.GetField<float>(5)));
        }
    }

    [Fact]
    public void A_table_fits_80_columns_and_keeps_the_end_of_a_path()
    {
        var lines = Written(PredictionFormat.Table);

        Assert.All(lines, l => Assert.InRange(l.Length, 1, 80));
        Assert.EndsWith("dog, \"small\"  0.8750", lines[0], StringComparison.Ordinal);
        Assert.EndsWith("rejected", lines[2], StringComparison.Ordinal);
        Assert.StartsWith("…", lines[3], StringComparison.Ordinal);
        Assert.Contains("/end.jpg  cat", lines[3], StringComparison.Ordinal);
    }

    [Fact]
    public void A_tally_counts_what_is_as_the_labels_say()
    {
        var tally = new PredictionTally(Classes);
        foreach (var image in (
            PredictedImage[])[Labelled("cat", 0), Labelled("cat", 1), Labelled("horse", 0), Labelled(null, 0), .. Images[2..3]])
            tally.Add(image);
        using var writer = new StringWriter();
        tally.Write(writer, 2);

        Assert.Equal(["rejected broken.jpg: the file is empty", "5 images, 1 rejected; 2.0 s, 2.5 images/s",
            "1 of 2 as their folder or CSV says: accuracy 0.5000"],
            writer.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries));

        static PredictedImage Labelled(string? label, int decided) =>
            new(Item("x.jpg") with { Label = label }, [0.5f, 0.5f], decided, null);
    }

    [Theory]
    [InlineData(0.5, 0.5f, 0)]
    [InlineData(0.5, 0.5001f, 1)]
    [InlineData(0.9, 0.8f, 0)]
    [InlineData(0.1, 0.2f, 1)]
    public void The_second_of_two_classes_is_decided_for_above_the_threshold(double threshold, float probability, int expected) =>
        Assert.Equal(expected, Contract(threshold).Decide([1 - probability, probability]));

    [Fact]
    public void Of_more_classes_the_most_probable_is_decided_for_and_of_equals_the_first()
    {
        Assert.Equal(2, Contract(null).Decide([0.2f, 0.3f, 0.5f]));
        Assert.Equal(1, Contract(null).Decide([0.2f, 0.4f, 0.4f]));
    }

    private static PredictionContract Contract(double? threshold) => new()
    {
        Classes = Classes,
        Temperature = 1,
        Threshold = threshold,
        Origin = new ModelOrigin("", "", "", "", "", "", "", 0, ""),
    };

    private static ImageItem Item(string path) => new(path, path, null, null);

    private static string[] Written(PredictionFormat format)
    {
        using var writer = new StringWriter();
        var output = PredictionOutput.Create(format, writer, Contract(0.5));
        output.Begin();
        foreach (var image in Images)
            output.Write(image);
        return writer.ToString().Split(["\r\n", "\n"], StringSplitOptions.RemoveEmptyEntries);
    }
}
