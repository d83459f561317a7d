using System.Text.Json;
using DuckDB.NET.Data;
using Headstart.Tests.Programs;

namespace Headstart.Tests.BrokenImages;

/// <summary>A run of <c>extractor extract --json</c> over broken images, and what became of each.</summary>
/// <param name="Program">How it ended.</param>
/// <param name="Result">Its JSON object.</param>
/// <param name="Rows">The images that have features, by their path, with their sizes.</param>
/// <param name="Rejected">The lines of rejected.csv, as DuckDB reads them.</param>
internal sealed record Extraction(
    ProgramRun Program, JsonElement Result, IReadOnlyDictionary<string, (int Width, int Height)> Rows,
    IReadOnlyList<(string Path, string Reason)> Rejected)
{
    public static Task<Extraction> RunAsync(string images, string cache, params string[] more) =>
        RunAsync(RunningProgram.Executable("extractor"), [], images, cache, more);

    /// <param name="program">A program that starts the extractor, or the extractor itself.</param>
    /// <param name="before">What the program wants before the extractor's own arguments.</param>
    public static async Task<Extraction> RunAsync(string program, string[] before, string images, string cache, params string[] more)
    {
        var model = Path.Combine(Repository.Root, "onnx", "demo-base.onnx");
        await using var running = RunningProgram.Start(
            program,
            [.. before, "extract", images, "--model", model, "--layer", "block4_pool", "--out", cache, "--device", "cpu", "--json",
                .. more]);
        var run = await running.Ended();
        Assert.DoesNotContain("   at ", run.Error, StringComparison.Ordinal);

        var result =
            run.Output.Length > 0 ? JsonDocument.Parse(run.Output).RootElement : throw new InvalidOperationException(run.Everything);
        var rows = await QueryAsync($"select path, width, height from '{cache}/*.parquet' where len(block4_pool) = 64 * 4 * 4",
            Directory.Exists(cache) && Directory.EnumerateFiles(cache, "*.parquet").Any());
        var rejected = await QueryAsync($"select path, reason, 0 from read_csv('{cache}/rejected.csv', header = true, all_varchar = " +
            "true, quote = '\"', escape = '\"', delim = ',')", File.Exists(Path.Combine(cache, "rejected.csv")));
        return new Extraction(
            run, result, rows.ToDictionary(r => (string)r[0], r => ((int)r[1], (int)r[2]), StringComparer.Ordinal),
            [.. rejected.Select(r => ((string)r[0], (string)r[1]))]);
    }

    public int this[string field] => Result.GetProperty(field).GetInt32();

    public long PeakMemoryBytes => Result.GetProperty("peakMemoryBytes").GetInt64();

    /// <summary>The reason why an image was rejected.</summary>
    public string Reason(string path) => Assert.Single(Rejected, r => r.Path == path).Reason;

    private static async Task<List<object[]>> QueryAsync(string sql, bool exists)
    {
        var rows = new List<object[]>();
        if (!exists)
            return rows;
        await using var connection = new DuckDBConnection("DataSource=:memory:");
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        await using var reader = await command.ExecuteReaderAsync(TestContext.Current.CancellationToken);
        while (await reader.ReadAsync(TestContext.Current.CancellationToken))
            rows.Add([reader.GetValue(0), reader.GetValue(1), reader.GetValue(2)]);
        return rows;
    }
}
