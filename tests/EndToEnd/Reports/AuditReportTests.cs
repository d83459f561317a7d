using Headstart.Tests.MainPath;
using Headstart.Tests.Programs;

namespace Headstart.Tests.Reports;

[Collection(nameof(Browser))]
public sealed class AuditReportTests(DemoCache demo, Browser browser) : IClassFixture<DemoCache>
{
    private static readonly string[] Figures = ["confusion", "similarity"];

    [Fact]
    public async Task An_audit_reads_well_on_a_phone_and_on_a_screen_by_day_and_by_night()
    {
        browser.Start();
        var (pictures, cache, found) = (demo.File("doubled"), demo.File("doubled-cache"), demo.File("found"));
        (await ProgramRun.Extractor("demo-data", pictures, "--per-class", "40")).EndedWith(0);
        var one = Directory.GetFiles(Path.Combine(pictures, "train"), "*.jpg",
            SearchOption.AllDirectories).Order(StringComparer.Ordinal).First();
        File.Copy(one, Path.Combine(pictures, "val", "spiral", "copy.jpg"));
        await File.WriteAllTextAsync(Path.Combine(pictures, "val", "spiral", "broken.jpg"), "no picture",
            TestContext.Current.CancellationToken);
        (await ProgramRun.Extractor("extract", pictures, "--model", DemoCache.Model, "--out", cache)).EndedWith(0);
        (await ProgramRun.Trainer("audit", cache, "--out", found, "--images", pictures)).EndedWith(0);

        foreach (var width in (int[])[390, 1280])
        {
            foreach (var isDark in (bool[])[false, true])
            {
                browser.Open(Path.Combine(found, "report.html"), width, isDark);

                Assert.Equal(Figures, browser.AskList("return [...document.querySelectorAll('figure[id]')].map(f => f.id).sort()"));
                PageCheck.IsWhole(browser);
                Assert.True(browser.Ask<bool>(
                    "return [...document.querySelectorAll('figure div')].some(d => d.children.length == 2 && [...d.children].every(i => " +
                    "i.naturalWidth > 1)" +
                    " && d.children[0].getBoundingClientRect().right <= d.children[1].getBoundingClientRect().left + 1)"),
                        "the duplicates don't stand side by side");
                Assert.Contains("broken.jpg", browser.Ask<string>("return document.body.textContent"), StringComparison.Ordinal);
            }
        }
    }
}
