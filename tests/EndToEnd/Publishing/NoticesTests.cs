using System.Text.Json;

namespace Headstart.Tests.Publishing;

/// <summary>THIRD-PARTY-NOTICES.md names every package that the programs ship, in the version that they ship.</summary>
public sealed class NoticesTests
{
    [Theory]
    [InlineData("extractor")]
    [InlineData("trainer")]
    public void Every_package_that_ships_is_in_the_notices(string program)
    {
        var notices = File.ReadAllText(Path.Combine(Repository.Root, "THIRD-PARTY-NOTICES.md"));
        using var assets = JsonDocument.Parse(File.ReadAllText(Path.Combine(Repository.Root, program, "obj", "project.assets.json")));
        var target =
            assets.RootElement.GetProperty("targets").EnumerateObject().First(t => t.Name.EndsWith("/linux-x64", StringComparison.Ordinal));

        var shipped = target.Value.EnumerateObject().Where(p => p.Value.GetProperty("type").GetString() == "package" && HasFiles(p.Value))
            .Select(p => p.Name).ToList();

        Assert.True(shipped.Count > 20, $"Only {shipped.Count} packages were found in {program}'s assets.");
        Assert.All(shipped,
            package => Assert.Contains($"| {package.Replace("/", " | ", StringComparison.Ordinal)} |", notices, StringComparison.Ordinal));
    }

    [Fact]
    public void The_lgpl_of_libvips_is_said_plainly_with_its_text()
    {
        var notices = File.ReadAllText(Path.Combine(Repository.Root, "THIRD-PARTY-NOTICES.md"));

        Assert.Contains("libvips (NetVips.Native) is under the LGPL", notices, StringComparison.Ordinal);
        Assert.Contains("GNU LESSER GENERAL PUBLIC LICENSE", notices, StringComparison.Ordinal);
    }

    // An empty marker file _._ ships nothing.
    private static bool HasFiles(JsonElement library) => ((string[])["runtime", "native"]).Any(kind =>
        library.TryGetProperty(kind, out var files)
            && files.EnumerateObject().Any(f => !f.Name.EndsWith("/_._", StringComparison.Ordinal)));
}
