using System.Text.RegularExpressions;
using Headstart.Tests.MainPath;
using Headstart.Tests.Programs;

namespace Headstart.Tests.Reports;

[Collection(nameof(Browser))]
public sealed class SweepReportTests(DemoCache demo, Browser browser) : IClassFixture<DemoCache>
{
    private const string Space = """
        {"search": "halving", "trials": 12, "seeds": 2, "options": {
          "head": ["gap", "gap, dense(8, relu)"], "lr": {"log": [1e-4, 1e-1]}, "l2": [null, 1e-3],
              "label-smoothing": {"uniform": [0, 0.2]}, "epochs": 9, "batch": 8}}
        """;

    [Fact]
    public async Task A_sweeps_report_reads_well_on_a_phone_and_on_a_screen_by_day_and_by_night()
    {
        browser.Start();
        var (space, sweep) = (demo.File("space.json"), demo.File("sweep-report"));
        await File.WriteAllTextAsync(space, Space, TestContext.Current.CancellationToken);
        (await ProgramRun.Trainer("sweep", demo.Cache, "--space", space, "--out", sweep)).EndedWith(0);

        var papers = new HashSet<string>();
        foreach (var width in (int[])[390, 1280])
        {
            foreach (var isDark in (bool[])[false, true])
            {
                browser.Open(Path.Combine(sweep, "report.html"), width, isDark);

                Assert.Equal(["over-l2", "over-label-smoothing", "over-lr"],
                    browser.AskList("return [...document.querySelectorAll('figure[id]')].map(f => f.id).sort()"));
                PageCheck.IsWhole(browser);
                papers.Add(browser.Ask<string>("return getComputedStyle(document.body).backgroundColor"));
            }
        }

        Assert.Equal(2, papers.Count);

        // One row a trial, in the order of the file for programs, each with its spread.
        const string Rows = "[...document.querySelector('table:has(thead)').querySelectorAll('tbody tr')]";
        var lines = await File.ReadAllLinesAsync(Path.Combine(sweep, "leaderboard.csv"), TestContext.Current.CancellationToken);
        Assert.Equal(12, lines.Length - 1);
        Assert.Equal(lines.Skip(1).Select(l => Regex.Match(l, "^[0-9]+,([0-9]+),").Groups[1].Value),
            browser.AskList($"return {Rows}.map(r => r.cells[1].textContent)"));
        Assert.True(browser.Ask<bool>(
            $"return {Rows}.every(r => r.cells[2].textContent.includes('\u00b1') && r.cells[3].textContent.includes('\u00b1'))"));

        // Every trial has a mark, and so has each of the two lines of the legend; l2 leaves out those without one.
        Assert.Equal(12 + 2, browser.Ask<long>("return document.querySelectorAll('#over-lr ellipse, #over-lr polygon').length"));
        Assert.Contains("are not shown", browser.Ask<string>("return document.querySelector('#over-l2 figcaption').textContent"),
            StringComparison.Ordinal);
        var commands = browser.AskList("return [...document.querySelectorAll('pre')].map(p => p.textContent)");
        Assert.Contains($"trainer sweep {demo.Cache} --space {space} --out {sweep}", commands);
        Assert.Contains(commands, c => c.StartsWith($"trainer train {demo.Cache} --out {sweep}/best ", StringComparison.Ordinal));
        Assert.Contains(commands, c => c.Contains("\"label-smoothing\"", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_sweep_over_the_depth_shows_its_table_on_a_phone_too()
    {
        browser.Start();
        var (space, cache, sweep) = (demo.File("depths.json"), demo.File("deep"), demo.File("sweep-depths"));
        await File.WriteAllTextAsync(
            space, """{"seeds": 2, "options": {"unfreeze-from": [null, "block3_pool"], "finetune-lr": [1e-3, 1e-4], "finetune-epochs": 2, "head": "gap", "epochs": 5}}""",
            TestContext.Current.CancellationToken);
        (await ProgramRun.Extractor("extract", demo.Pictures, "--model", DemoCache.Model, "--out", cache, "--layer", "block3_pool",
            "--layer", "block4_pool")).EndedWith(0);
        (await ProgramRun.Trainer("sweep", cache, "--space", space, "--out", sweep, "--model", DemoCache.Model)).EndedWith(0);

        var lines = await File.ReadAllLinesAsync(Path.Combine(sweep, "depth-and-rate.csv"), TestContext.Current.CancellationToken);
        foreach (var width in (int[])[390, 1280])
        {
            browser.Open(Path.Combine(sweep, "report.html"), width, isDark: false);

            PageCheck.IsWhole(browser);
            const string Table = "[...document.querySelectorAll('table')].find(t => t.textContent.includes('base at'))";
            Assert.Equal(lines.Length - 1, browser.Ask<long>($"return {Table}.querySelectorAll('tbody tr').length"));
            Assert.Equal(3, lines.Length - 1); // the head alone, and two rates

            // The head alone has no gain over itself; what is tuned has one, with what chance explains.
            Assert.Equal(["False", "True", "True"], browser.AskList($"return [...{Table}.querySelectorAll('tbody tr')].map(r => " +
                "r.cells[6].textContent.includes('\u00b1') ? 'True' : 'False')"));
            Assert.Matches("The head alone is enough|Unfreeze from block3_pool",
                browser.Ask<string>("return document.querySelector('.note').textContent"));
        }
    }
}
