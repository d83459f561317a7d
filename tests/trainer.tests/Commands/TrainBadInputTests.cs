using Headstart.Cache;
using Headstart.Models;
using Headstart.Trainer.Runs;

namespace Headstart.Tests.Commands;

/// <summary>Caches that nothing can be learnt from, given to the real program: each is said by name, and nothing is left behind.</summary>
public sealed class TrainBadInputTests : IDisposable
{
    private static readonly ModelLayer Layer = new("block5_pool", new LayerShape(4, 2, 2));
    private static readonly string[] Classes = ["cats", "dogs"];

    private readonly TemporaryFolder _folder = new();
    private readonly TrainerProgram _program;

    public TrainBadInputTests() => _program = new TrainerProgram(_folder.Path);

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    public async Task Feature_that_is_no_finite_number_is_refused_with_its_image(float bad)
    {
        await WriteAsync(SyntheticCache.Rows(10, Classes), (row, values) =>
        {
            if (row.Path is "cats/0007.jpg" or "dogs/0002.jpg")
                values[5] = bad;
        });

        await RefusedAsync("cats/0007.jpg has a value in block5_pool that is not a finite number");
    }

    [Fact]
    public async Task One_class_is_refused_by_name()
    {
        await WriteAsync(SyntheticCache.Rows(10, ["cats"]));

        await RefusedAsync("one class only, 'cats'");
    }

    [Fact]
    public async Task Class_with_one_image_is_refused_by_name()
    {
        await WriteAsync([.. SyntheticCache.Rows(10, ["cats"]), .. SyntheticCache.Rows(1, ["dogs"])]);

        await RefusedAsync("class 'dogs' has one image only");
    }

    [Fact]
    public async Task Class_with_one_image_to_train_on_is_noted_by_name()
    {
        await WriteAsync(
        [
            .. SyntheticCache.Rows(10, ["cats"], "train"), .. SyntheticCache.Rows(1, ["dogs"], "train"),
            .. SyntheticCache.Rows(5, Classes, "val"),
        ]);

        var (code, output, error) = await _program.TrainAsync("cache", "--out", "run", "--epochs", "1");

        Assert.Equal((ExitCode.Done, ""), (code, code == 0 ? "" : error));
        Assert.Contains("note: dogs has one image to train on", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Empty_split_is_refused_with_those_that_are_there()
    {
        await WriteAsync(SyntheticCache.Rows(10, Classes, "test"));

        await RefusedAsync("cache has no rows to train with: its splits are 'test'");
    }

    [Fact]
    public async Task Training_that_diverges_says_what_to_lower()
    {
        await WriteAsync(SyntheticCache.Rows(10, Classes));

        var (code, _, error) = await _program.TrainAsync("cache", "--out", "run", "--lr", "1e38");

        Assert.Equal(ExitCode.Failed, code);
        Assert.Contains("Lower --lr (it is 1E+38)", error, StringComparison.Ordinal);
        var (again, _, _) = await _program.TrainAsync("cache", "--out", "run"); // nothing worth keeping was there
        Assert.Equal(ExitCode.Done, again);
    }

    [Fact]
    public async Task Cache_that_changes_is_told_by_the_part()
    {
        await WriteAsync(SyntheticCache.Rows(20, Classes));
        var folder = _folder.File("cache");
        var before = CacheState.Of(folder);
        Assert.Null(CacheState.Of(folder).ChangeSince(before));

        await WriteAsync(SyntheticCache.Rows(3, ["cows"]));
        var grown = CacheState.Of(folder);
        Assert.EndsWith(".parquet is new", grown.ChangeSince(before), StringComparison.Ordinal);
        Assert.EndsWith(".parquet is gone", before.ChangeSince(grown), StringComparison.Ordinal);

        var digest = Directory.EnumerateFiles(folder, "*.sha256").Order(StringComparer.Ordinal).First();
        File.WriteAllText(digest, new string('0', 64) + File.ReadAllText(digest)[64..]);
        Assert.EndsWith(".parquet has other content", CacheState.Of(folder).ChangeSince(grown), StringComparison.Ordinal);
    }

    private Task WriteAsync(IReadOnlyList<CacheRow> rows, Action<CacheRow, float[]>? spoil = null) =>
        SyntheticCache.WriteAsync(_folder.File("cache"), SyntheticCache.Contract(Layer), rows, (row, layer) =>
        {
            var values = SyntheticCache.Features(row, layer.Shape.Length, 0.5);
            spoil?.Invoke(row, values);
            return values;
        });

    private async Task RefusedAsync(string words)
    {
        var (code, output, error) = await _program.TrainAsync("cache", "--out", "run");

        Assert.Contains(words, error, StringComparison.Ordinal);
        Assert.Equal((ExitCode.Failed, ""), (code, output.Contains("validation accuracy", StringComparison.Ordinal) ? output : ""));
        Assert.False(Directory.Exists(_folder.File("run")));
    }
}
