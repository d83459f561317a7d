using System.Text.Json;
using Headstart.Tests.Programs;

namespace Headstart.Tests.MainPath;

/// <summary>What <c>extractor extract</c> promises, tried as a user would.</summary>
public sealed class ExtractTests(DemoCache demo) : IClassFixture<DemoCache>
{
    [Fact]
    public async Task Json_is_one_object_alone_on_standard_output_with_the_promised_fields()
    {
        var run = (await Extract(demo.Pictures, demo.File("json-cache"), "--json", "--layer", "block4_pool", "--layer",
            "block2_pool")).EndedWith(0);

        var result = JsonDocument.Parse(run.Output).RootElement;
        Assert.Equal((32, 32, 0, 0, 0), (Int("images"), Int("computed"), Int("reused"), Int("removed"), Int("rejected")));
        Assert.True(result.GetProperty("seconds").GetDouble() > 0);
        Assert.True(result.GetProperty("imagesPerSecond").GetDouble() > 0);
        foreach (var stage in (string[])["decode", "infer", "write"])
            Assert.True(result.GetProperty("stageSeconds").GetProperty(stage).GetDouble() > 0, stage);
        Assert.Equal("""{"block2_pool":[16,16,16],"block4_pool":[64,4,4]}""", result.GetProperty("layers").GetRawText());
        Assert.InRange(result.GetProperty("peakMemoryBytes").GetInt64(), 10L << 20, 4L << 30);

        int Int(string name) => result.GetProperty(name).GetInt32();
    }

    [Fact]
    public async Task A_second_run_computes_nothing()
    {
        var run = (await Extract(demo.Pictures, demo.Cache)).EndedWith(0);
        Assert.Contains("32 images", run.Output, StringComparison.Ordinal);
        Assert.Contains("0 computed, 32 already there", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nothing_is_written_outside_the_cache_such_as_the_telemetry_of_a_library()
    {
        var home = Directory.CreateDirectory(demo.File("home")).FullName;
        var environment = new Dictionary<string, string?> { ["HOME"] = home, ["XDG_CACHE_HOME"] = null, ["ORT_DISABLE_TELEMETRY"] = null };
        string[] arguments = ["extract", demo.Pictures, "--model", DemoCache.Model, "--out", demo.File("home-cache")];
        await using var program = RunningProgram.Start(RunningProgram.Executable("extractor"), arguments, home, environment);

        (await program.Ended()).EndedWith(0);

        Assert.Empty(Directory.EnumerateFileSystemEntries(home));
    }

    [Fact]
    public async Task A_csv_gives_the_same_rows_as_the_folder_it_lists()
    {
        var lines = Directory.EnumerateFiles(demo.Pictures, "*.jpg", SearchOption.AllDirectories)
            .Select(f => Path.GetRelativePath(demo.Pictures, f)).Order(StringComparer.Ordinal)
            .Select(f => $"{Path.Combine(demo.Pictures, f)},{f.Split('/')[1]},{f.Split('/')[0]}");
        var csv = demo.File("set.csv");
        await File.WriteAllLinesAsync(csv, lines.Prepend("path,label,split"), TestContext.Current.CancellationToken);

        (await Extract(csv, demo.File("csv-cache"))).EndedWith(0);

        Assert.Equal(0L, await CacheRows.Query($"""
            select count(*) from
              (select label, split, sha256, width, height, block4_pool from '{demo.Cache}/*.parquet'
               except select label, split, sha256, width, height, block4_pool from '{demo.File("csv-cache")}/*.parquet')
            """));
        Assert.Equal(32L, await CacheRows.Query($"select count(*) from '{demo.File("csv-cache")}/*.parquet'"));
    }

    [Fact]
    public async Task DuckDB_sees_rows_labels_and_lists_as_documented()
    {
        Assert.Equal(32L, await CacheRows.Query($"select count(distinct path) from '{demo.Cache}/*.parquet'"));
        Assert.Equal(24L, await CacheRows.Query(
            $"select count(*) from '{demo.Cache}/*.parquet' where split = 'train' and path like 'train/' || label || '/%'"));
        Assert.Equal(32L, await CacheRows.Query(
            $"select count(*) from '{demo.Cache}/*.parquet' where len(block1_pool) = 8 * 32 * 32 and len(block4_pool) = 64 * 4 * 4"));
        Assert.Equal("FLOAT[]", await CacheRows.Query($"select any_value(typeof(block4_pool)) from '{demo.Cache}/*.parquet'"));
        Assert.Equal("demo-base", await CacheRows.Query(
            $"select decode(value)->>'$.model' from parquet_kv_metadata('{demo.Cache}/part-00000.parquet') where decode(key) = " +
            "'headstart.contract'"));
    }

    [Theory]
    [InlineData("an empty folder", "No images in")]
    [InlineData("a folder of text files", "No images in")]
    [InlineData("a layer that is not there", "It has: pixels, block1_pool, block2_pool, block3_pool, block4_pool.")]
    [InlineData("a model without a contract", "without Headstart's contract")]
    [InlineData("a file that is no model", "not an ONNX model")]
    [InlineData("an unwritable target", "Can't write into")]
    [InlineData("a cache from another model", "was made with modelSha256")]
    [InlineData("too many broken images", "can't be used (100%, --max-rejected is 5)")]
    [InlineData("a batch of none", "--batch is 0", 2)]
    [InlineData("bytes of a float32 model", "computes in float32 and has no bytes to store", 2)]
    [InlineData("cuda without a GPU build", "-p:Accelerator=cuda")]
    public async Task What_cannot_be_done_is_said_in_one_line(string what, string expected, int exitCode = 1)
    {
        var folder = Directory.CreateDirectory(demo.File(what)).FullName;
        var text = Path.Combine(Directory.CreateDirectory(Path.Combine(folder, "texts", "cats")).FullName,
            what.StartsWith("too many", StringComparison.Ordinal) ? "a.jpg" : "a.txt");
        await File.WriteAllTextAsync(text, "no picture", TestContext.Current.CancellationToken);
        var run = what switch
        {
            "an empty folder" => await Extract(Directory.CreateDirectory(Path.Combine(folder, "empty")).FullName,
                Path.Combine(folder, "cache")),
            "a folder of text files" or "too many broken images" =>
                await Extract(Path.Combine(folder, "texts"), Path.Combine(folder, "cache")),
            "a layer that is not there" => await Extract(demo.Pictures, Path.Combine(folder, "cache"), "--layer", "block9_pool"),
            "a model without a contract" => await ExtractWith(WithoutContract(folder), Path.Combine(folder, "cache")),
            "a file that is no model" => await ExtractWith(text, Path.Combine(folder, "cache")),
            "an unwritable target" => await Extract(demo.Pictures, Path.Combine(text, "cache")),
            "a cache from another model" => await ExtractWith(await OtherModel(folder), demo.Cache),
            "a batch of none" => await Extract(demo.Pictures, Path.Combine(folder, "cache"), "--batch", "0"),
            "bytes of a float32 model" => await Extract(demo.Pictures, Path.Combine(folder, "cache"), "--store", "bytes"),
            "cuda without a GPU build" => await Extract(demo.Pictures, Path.Combine(folder, "cache"), "--device", "cuda"),
            _ => throw new ArgumentOutOfRangeException(nameof(what), what, null),
        };

        run.EndedWith(exitCode);
        var error = Assert.Single(run.Error.Split('\n'), line => line.StartsWith("error: ", StringComparison.Ordinal));
        Assert.Contains(expected, error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", run.Error, StringComparison.Ordinal);
    }

    private static Task<ProgramRun> Extract(string images, string cache, params string[] more) =>
        ProgramRun.Extractor(["extract", images, "--model", DemoCache.Model, "--out", cache, .. more]);

    private Task<ProgramRun> ExtractWith(string model, string cache) =>
        ProgramRun.Extractor("extract", demo.Pictures, "--model", model, "--out", cache);

    /// <summary>The demo base with its contract's key spoilt, as another tool's ONNX file would look.</summary>
    private static string WithoutContract(string folder)
    {
        var bytes = File.ReadAllBytes(DemoCache.Model);
        var key = "headstart.contract"u8;
        "x"u8.CopyTo(bytes.AsSpan(bytes.AsSpan().IndexOf(key)));
        var path = Path.Combine(folder, "bare.onnx");
        File.WriteAllBytes(path, bytes);
        return path;
    }

    private static async Task<string> OtherModel(string folder)
    {
        var path = Path.Combine(folder, "other.onnx");
        (await ProgramRun.Extractor("model", "import", DemoCache.Model, "--preset", "mobilenet", "--out", path)).EndedWith(0);
        return path;
    }
}
