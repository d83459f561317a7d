using Headstart.Tests.MainPath;
using Headstart.Tests.Programs;

namespace Headstart.Tests.Reports;

[Collection(nameof(Browser))]
public sealed class RunReportTests(DemoCache demo, Browser browser) : IClassFixture<DemoCache>
{
    private static readonly string[] Figures = ["curve-loss", "curve-accuracy", "confusion", "reliability", "roc", "precision-recall"];

    [Fact]
    public async Task A_report_reads_well_on_a_phone_and_on_a_screen_by_day_and_by_night()
    {
        browser.Start();
        var run = demo.File("run-report");
        (await ProgramRun.Trainer(
            "train", demo.Cache, "--out", run, "--head", "gap", "--epochs", "2", "--images", demo.Pictures)).EndedWith(0);

        var papers = new HashSet<string>();
        foreach (var width in (int[])[390, 1280])
        {
            foreach (var isDark in (bool[])[false, true])
            {
                browser.Open(Path.Combine(run, "report.html"), width, isDark);

                Assert.Equal(Figures.Order(), browser.AskList("return [...document.querySelectorAll('figure[id]')].map(f => f.id).sort()"));
                PageCheck.IsWhole(browser);
                Assert.True(browser.Ask<long>("return [...document.images].filter(i => i.naturalWidth > 1).length") > 0,
                    "no thumbnail of a mistake");
                papers.Add(browser.Ask<string>("return getComputedStyle(document.body).backgroundColor"));
            }
        }

        Assert.Equal(2, papers.Count);
    }

    [Fact]
    public async Task Without_the_pictures_a_report_names_the_mistakes_and_how_to_see_them()
    {
        var run = demo.File("run-blind");
        (await ProgramRun.Trainer("train", demo.Cache, "--out", run, "--head", "gap", "--epochs", "1")).EndedWith(0);

        var page = await File.ReadAllTextAsync(Path.Combine(run, "report.html"), TestContext.Current.CancellationToken);

        Assert.Contains("--images DIR", page, StringComparison.Ordinal);
        Assert.Contains("val/", page, StringComparison.Ordinal);
        Assert.DoesNotContain("<script", page, StringComparison.Ordinal);
        // The saved epoch's line, whose dashes OxyPlot alone draws without a gap.
        Assert.Contains("stroke-dasharray:7,5", page, StringComparison.Ordinal);
    }
}
