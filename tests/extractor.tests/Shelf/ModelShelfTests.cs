using System.Text.RegularExpressions;
using Headstart.Extraction.Shelf;
using Headstart.Models;
using Headstart.Preprocessing;

namespace Headstart.Tests.Shelf;

public sealed partial class ModelShelfTests
{
    public static TheoryData<string> Names => [.. ModelShelf.Load().Models.Select(m => m.Name)];

    [Fact]
    public void Names_and_files_are_unique()
    {
        var models = ModelShelf.Load().Models;

        Assert.Equal(models.Count, models.Select(m => m.Name).Distinct(StringComparer.OrdinalIgnoreCase).Count());
        Assert.Equal(models.Count, models.Select(m => m.File).Distinct(StringComparer.OrdinalIgnoreCase).Count());
        Assert.Superset(new HashSet<string> { "vgg16", "vgg19" }, models.Select(m => m.Name).ToHashSet());
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void An_entry_is_well_formed(string name)
    {
        var model = ModelShelf.Load().Named(name);

        Assert.Matches(PlainName(), model.Name);
        Assert.Matches(PlainFile(), model.File);
        Assert.NotEmpty(model.Addresses);
        Assert.All([.. model.Addresses, model.LicenseSource], AssertHttps);
        Assert.NotEqual("", model.License.Trim());
        Assert.Equal(model.Preset, Presets.Resolve(model.Preset).Preset);
        var architecture = VggArchitecture.Named(model.Architecture);
        Assert.All(model.Layers, layer => Assert.Contains(layer, architecture.LayerNames));
        Assert.Equal(architecture.Convolutions, model.Convolutions());
        if (model.Checksum is { } checksum)
        {
            Assert.Matches(checksum.Algorithm == ChecksumAlgorithm.Md5 ? "^[0-9a-f]{32}$" : "^[0-9a-f]{64}$", checksum.Digest);
            AssertHttps(checksum.Source);
        }
    }

    [Fact]
    public void Weights_from_a_repository_that_may_change_are_pinned_to_a_commit()
    {
        var hub = ModelShelf.Load().Models.SelectMany(m => m.Addresses).Where(a => new Uri(a).Host == "huggingface.co");

        Assert.All(hub, a => Assert.Matches(@"/resolve/[0-9a-f]{40}/", a));
    }

    [Fact]
    public void A_wrong_name_lists_the_near_ones()
    {
        var error = Assert.Throws<CommandException>(() => ModelShelf.Load().Named("vgg-16"));

        Assert.Equal(ExitCode.Usage, error.ExitCode);
        Assert.Contains("vgg16", error.Message, StringComparison.Ordinal);
        Assert.Contains("extractor model list", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_folder_follows_the_environment()
    {
        Assert.Equal("/data/cache/shelf", ShelfFolder.Locate(Only(ShelfFolder.Variable, "/data/cache")).Path);
        Assert.Equal("/xdg/headstart/shelf", ShelfFolder.Locate(Only("XDG_CACHE_HOME", "/xdg")).Path);
        var fallback = ShelfFolder.Locate(_ => null).Path;
        Assert.EndsWith(Path.Combine("headstart", "shelf"), fallback, StringComparison.Ordinal);
        Assert.Equal(fallback, ShelfFolder.Locate(Only("XDG_CACHE_HOME", "relative")).Path);
    }

    private static Func<string, string?> Only(string name, string value) => asked => asked == name ? value : null;

    private static void AssertHttps(string address) => Assert.Equal("https", new Uri(address).Scheme);

    [GeneratedRegex("^[a-z0-9]+(-[a-z0-9]+)*$")]
    private static partial Regex PlainName();

    [GeneratedRegex(@"^[a-z0-9_.]+\.(h5|safetensors)$")]
    private static partial Regex PlainFile();
}
