using OpenQA.Selenium.Chrome;

namespace Headstart.Tests.Reports;

/// <summary>A real browser without a window: Debian's Chromium, asked through its driver.</summary>
internal sealed class Browser : IDisposable
{
    private const string Driver = "/usr/bin/chromedriver";
    private const string Chromium = "/usr/bin/chromium";
    private readonly TemporaryFolder _profile = new();
    private readonly ChromeDriver _driver;

    private Browser()
    {
        var options = new ChromeOptions { BinaryLocation = Chromium };
        options.AddArguments(
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
            "--disable-sync", $"--user-data-dir={_profile.Path}");
        var service = ChromeDriverService.CreateDefaultService(Path.GetDirectoryName(Driver)!, Path.GetFileName(Driver));
        service.SuppressInitialDiagnosticInformation = true;
        _driver = new ChromeDriver(service, options);
    }

    /// <summary>Skips the test where there is no such browser.</summary>
    public static Browser Start()
    {
        if (!File.Exists(Driver) || !File.Exists(Chromium))
            Assert.Skip("no Chromium here: apt-get install chromium chromium-driver");
        return new Browser();
    }

    /// <summary>Shows a file as a screen of this width would, in CSS pixels.</summary>
    public void Open(string file, int width, bool isDark)
    {
        _driver.ExecuteCdpCommand("Emulation.setDeviceMetricsOverride", new() { ["width"] = width, ["height"] = 900, ["deviceScaleFactor"] = 1, ["mobile"] = width < 600 });
        _driver.ExecuteCdpCommand("Emulation.setEmulatedMedia", new()
        {
            ["features"] = new[] { new Dictionary<string, object> { ["name"] = "prefers-color-scheme", ["value"] = isDark ? "dark" : "light" } },
        });
        _driver.Navigate().GoToUrl(new Uri(file).AbsoluteUri);
    }

    /// <summary>Runs a script in the page.</summary>
    /// <param name="script">The body of a function.</param>
    public T Ask<T>(string script) => (T)_driver.ExecuteScript(script)!;

    public IReadOnlyList<string> AskList(string script) => [.. Ask<IEnumerable<object>>(script).Cast<string>()];

    public void Dispose()
    {
        _driver.Quit();
        _driver.Dispose();
        _profile.Dispose();
    }
}
