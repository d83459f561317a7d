using OpenQA.Selenium.Chrome;

namespace Headstart.Tests.Reports;

/// <summary>A real browser without a window: Debian's Chromium, asked through its driver. One for all classes of reports, which take
/// turns.</summary>
[CollectionDefinition(nameof(Browser))]
public sealed class Browser : ICollectionFixture<Browser>, IDisposable
{
    private const string DriverPath = "/usr/bin/chromedriver";
    private const string Chromium = "/usr/bin/chromium";
    private readonly TemporaryFolder _profile = new();
    private ChromeDriver? _started;

    private ChromeDriver Driver => _started ?? throw new InvalidOperationException("Start it first.");

    /// <summary>Starts it, where that isn't done yet; skips the test where there is no such browser.</summary>
    public void Start()
    {
        if (!File.Exists(DriverPath) || !File.Exists(Chromium))
            Assert.Skip("no Chromium here: apt-get install chromium chromium-driver");
        if (_started is not null)
            return;
        var options = new ChromeOptions { BinaryLocation = Chromium };
        options.AddArguments(
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
                "--disable-component-update",
            "--disable-sync", $"--user-data-dir={_profile.Path}");
        var service = ChromeDriverService.CreateDefaultService(Path.GetDirectoryName(DriverPath)!, Path.GetFileName(DriverPath));
        service.SuppressInitialDiagnosticInformation = true;
        _started = new ChromeDriver(service, options);
    }

    /// <summary>Shows a file as a screen of this width would, in CSS pixels.</summary>
    public void Open(string file, int width, bool isDark)
    {
        Driver.ExecuteCdpCommand("Emulation.setDeviceMetricsOverride",
            new() { ["width"] = width, ["height"] = 900, ["deviceScaleFactor"] = 1, ["mobile"] = width < 600 });
        Driver.ExecuteCdpCommand("Emulation.setEmulatedMedia", new()
        {
            ["features"] = new[] { new Dictionary<string, object> { ["name"] = "prefers-color-scheme",
                ["value"] = isDark ? "dark" : "light" } },
        });
        Driver.Navigate().GoToUrl(new Uri(file).AbsoluteUri);
    }

    /// <summary>Runs a script in the page.</summary>
    /// <param name="script">The body of a function.</param>
    public T Ask<T>(string script) => (T)Driver.ExecuteScript(script)!;

    public IReadOnlyList<string> AskList(string script) => [.. Ask<IEnumerable<object>>(script).Cast<string>()];

    public void Dispose()
    {
        _started?.Quit();
        _started?.Dispose();
        _profile.Dispose();
    }
}
