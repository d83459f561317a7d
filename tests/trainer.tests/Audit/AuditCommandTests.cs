using System.Text.Json;
using Headstart.Cache;
using Headstart.CommandLine;
using Headstart.Models;
using Headstart.Tests.Commands;

namespace Headstart.Tests.Audit;

/// <summary>Starts the real program, as a user does.</summary>
public sealed class AuditCommandTests : IAsyncLifetime
{
    private static readonly ModelLayer Layer = new("block5_pool", new LayerShape(40, 3, 3));
    private static readonly string[] Tables = ["labels.csv", "confusions.csv", "duplicates.csv", "outliers.csv", "images.csv"];
    private readonly TemporaryFolder _folder = new();
    private readonly TrainerProgram _program;

    public AuditCommandTests() => _program = new TrainerProgram(_folder.Path);

    public async ValueTask InitializeAsync()
    {
        var train = SyntheticCache.Rows(40, ["cats", "dogs"], "train");
        var val = SyntheticCache.Rows(10, ["cats", "dogs"], "val");
        train[0] = train[0] with { Width = 500, Height = 400 };
        val[3] = val[3] with { Path = "val/cats/near.jpg" };
        val.Add(train[1] with { Path = "val/dogs/same.jpg", Label = "dogs", Split = "val" });
        await SyntheticCache.WriteAsync(At("cache"), SyntheticCache.Contract(Layer), [.. train, .. val], (row, layer) => row.Path switch
        {
            "val/cats/near.jpg" => [.. Features(train[0]).Select((f, i) => f + (0.1f * (i % 3)))],
            "val/dogs/same.jpg" => Features(train[1]),
            _ => Features(row),
        });
        await File.WriteAllTextAsync(
            At("cache/rejected-0-of-2.csv"), "path,reason\n\"cats/bad, one.jpg\",truncated\n", TestContext.Current.CancellationToken);
    }

    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }

    [Fact]
    public async Task Findings_are_told_in_80_columns_and_written_as_tables_and_a_page()
    {
        var (code, output, error) = await _program.RunAsync("audit", "cache", "--out", "found");

        Assert.True(code == ExitCode.Done, error);
        var lines = output.Split('\n');
        Assert.StartsWith("cache: 101 images, 2 classes, audited in ", output, StringComparison.Ordinal);
        Assert.Contains("        1  exact duplicates      duplicates.csv", lines);
        Assert.Contains("        1  near duplicates       duplicates.csv", lines);
        Assert.Contains("        1  unreadable images     images.csv", lines);
        Assert.Contains("      100  tiny images           images.csv", lines);
        Assert.Contains("warning: 2 of 2 duplicate pairs lie in different splits", output, StringComparison.Ordinal);
        Assert.Contains("warning: 1 of 2 duplicate pairs have two labels", output, StringComparison.Ordinal);
        Assert.All(lines, line => Assert.True(line.Length <= WrappedText.Width, line));
        Assert.Equal(
            ["Next: open found/report.html, mend what is wrong, extract again, then", "  trainer train cache --out RUN"], lines[^3..^1]);
        var duplicates = await LinesAsync("found/duplicates.csv");
        Assert.Equal(
            "group,kind,similarity,path,label,split,other_path,other_label,other_split,across_splits,labels_differ", duplicates[0]);
        Assert.Equal("1,exact,1,train/cats/0001.jpg,cats,train,val/dogs/same.jpg,dogs,val,true,true", duplicates[1]);
        Assert.Matches(@"^2,near,0\.9\d+,train/cats/0000\.jpg,cats,train,val/cats/near\.jpg,cats,val,true,false$", duplicates[2]);
        Assert.Equal("\"cats/bad, one.jpg\",unreadable,truncated", (await LinesAsync("found/images.csv"))[1]);
        Assert.Equal(102, (await LinesAsync("found/labels.csv")).Length);
        Assert.Contains("--images DIR", await ReadAsync("found/report.html"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_same_seed_gives_the_same_files_and_json_stands_alone()
    {
        var (code, output, error) = await _program.RunAsync("audit", "cache", "--out", "one", "--json");
        Assert.Equal(ExitCode.Done, (await _program.RunAsync("audit", "cache", "--out", "two")).Code);

        Assert.True(code == ExitCode.Done, error);
        var json = JsonDocument.Parse(output).RootElement;
        Assert.Equal(
            (101, 1, 1, 2), (Number("images"), Number("exactDuplicates"), Number("nearDuplicates"), Number("duplicatesAcrossSplits")));
        Assert.Equal((1, 100), (Number("unreadable"), Number("tiny")));
        Assert.StartsWith("cache: 101 images", error, StringComparison.Ordinal);
        foreach (var table in Tables)
            Assert.Equal(await ReadAsync($"one/{table}"), await ReadAsync($"two/{table}"));

        int Number(string name) => json.GetProperty(name).GetInt32();
    }

    [Fact]
    public async Task Train_warns_of_near_duplicates_across_its_split_once_the_cache_was_audited()
    {
        string[] train = ["cache", "--head", "gap", "--epochs", "1", "--out"];
        var before = await _program.TrainAsync([.. train, "before"]);
        Assert.Equal(ExitCode.Done, (await _program.RunAsync("audit", "cache", "--out", "found")).Code);

        var after = await _program.TrainAsync([.. train, "after"]);

        Assert.DoesNotContain("near duplicate", before.Output, StringComparison.Ordinal);
        Assert.True(after.Code == ExitCode.Done, after.Error);
        Assert.Contains(
            "1 validation image is a near duplicate of training images", after.Output.ReplaceLineEndings(" "), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_feature_that_is_no_number_is_named()
    {
        var rows = SyntheticCache.Rows(5, ["cats", "dogs"]);
        await SyntheticCache.WriteAsync(At("broken"), SyntheticCache.Contract(Layer), rows, (row, _) =>
        {
            var features = Features(row);
            features[^1] = row.Path == "dogs/0002.jpg" ? float.NaN : features[^1];
            return features;
        });

        var (code, _, error) = await _program.RunAsync("audit", "broken", "--out", "found");

        Assert.Equal(ExitCode.Failed, code);
        Assert.Contains("dogs/0002.jpg has a value in block5_pool that is not a finite number", error, StringComparison.Ordinal);
    }

    private static float[] Features(CacheRow row) => SyntheticCache.Features(row, Layer.Shape.Length, signal: 0.3);

    private string At(string path) => _program.At(path);

    private Task<string> ReadAsync(string path) => File.ReadAllTextAsync(At(path), TestContext.Current.CancellationToken);

    private async Task<string[]> LinesAsync(string path) =>
        [.. (await ReadAsync(path)).Split('\n').Select(l => l.TrimEnd('\r')).Where(l => l.Length > 0)];
}
