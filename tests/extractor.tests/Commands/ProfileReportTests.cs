using Headstart.Extraction.Commands;
using Headstart.Extraction.Pipeline;
using Headstart.Models;

namespace Headstart.Tests.Commands;

public sealed class ProfileReportTests
{
    [Fact]
    public void Each_stage_has_its_seconds_its_share_of_the_run_and_its_rate_alone()
    {
        // 400 images in 10 s on 2 workers: decoding took 8 s of work, which is 4 s of each worker, 40% of the run, and would be 100
        // images/s by itself.
        var lines = Report(new StageSeconds(Decode: 8, Resize: 2, Wait: 0.5, Infer: 9, Write: 1)).Split(Environment.NewLine);

        Assert.Equal(["stage", "seconds", "of", "the", "run", "images/s", "alone"], Words(lines[0]));
        Assert.Equal(["decode", "8.00", "40%", "100.0"], Words(lines[1]));
        Assert.Equal(["resize", "2.00", "10%", "400.0"], Words(lines[2]));
        Assert.Equal(["infer", "9.00", "90%", "44.4"], Words(lines[3]));
        Assert.Equal(["write", "1.00", "10%", "400.0"], Words(lines[4]));
        Assert.Equal(["wait", "0.50", "5%"], Words(lines[5])[..3]);
        Assert.Equal(["run", "10.00", "40.0"], Words(lines[6]));
        Assert.All(lines, l => Assert.InRange(l.Length, 0, 80));
    }

    [Theory]
    [InlineData(8, 0.5, 9, 1, "The network limits")]
    [InlineData(18, 4, 5, 1, "Decoding limits")]
    [InlineData(2, 1, 3, 9, "Writing limits")]
    public void It_ends_with_what_limits_and_what_would_help(double decode, double wait, double infer, double write, string advice) =>
        Assert.Contains(advice, Report(new StageSeconds(decode, 1, wait, infer, write)), StringComparison.Ordinal);

    [Fact]
    public void Where_nothing_was_computed_it_says_so()
    {
        using var output = new StringWriter();
        ProfileReport.Write(output, Result(new StageSeconds(0, 0, 0, 0, 0)) with { Computed = 0 }, workers: 2);
        Assert.Equal("Profile: nothing was computed.", output.ToString().Trim());
    }

    private static string Report(StageSeconds stages)
    {
        using var output = new StringWriter();
        ProfileReport.Write(output, Result(stages), workers: 2);
        return output.ToString();
    }

    private static ExtractionResult Result(StageSeconds stages) => new()
    {
        Images = 400,
        Computed = 400,
        Reused = 0,
        Moved = 0,
        Duplicates = 0,
        Removed = 0,
        Rejected = 0,
        Views = 0,
        ComputedRows = 400,
        RejectedFile = null,
        Seconds = 11,
        ComputeSeconds = 10,
        ImagesPerSecond = 40,
        StageSeconds = stages,
        Added = null,
        Layers = new Dictionary<string, LayerShape>(),
        Classes = [],
        PeakMemoryBytes = 1,
    };

    private static string[] Words(string line) => line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
}
