using Headstart.Trainer.Features;

namespace Headstart.Tests.Features;

public sealed class MemorySizeTests
{
    [Theory]
    [InlineData("512M", 512L << 20, "512M")]
    [InlineData("2G", 2L << 30, "2G")]
    [InlineData("2g", 2L << 30, "2G")]
    [InlineData("2 GiB", 2L << 30, "2G")]
    [InlineData("2GB", 2L << 30, "2G")]
    [InlineData("1.5G", 3L << 29, "1536M")]
    [InlineData("2048M", 2L << 30, "2G")]
    [InlineData("1T", 1L << 40, "1024G")]
    public void Sizes_are_read_as_people_type_them(string text, long bytes, string shown)
    {
        var size = MemorySize.Parse(text);

        Assert.Equal((bytes, shown), (size.Bytes, size.ToString()));
        Assert.Equal(size, MemorySize.Parse(shown));
    }

    [Theory]
    [InlineData("")]
    [InlineData("2")]
    [InlineData("G")]
    [InlineData("0G")]
    [InlineData("-1G")]
    [InlineData("1,5G")]
    [InlineData("2X")]
    [InlineData("1e3G")]
    [InlineData("99999999999T")]
    public void Other_words_are_refused_with_an_example(string text)
    {
        var error = Assert.Throws<CommandException>(() => MemorySize.Parse(text));

        Assert.Equal(ExitCode.Usage, error.ExitCode);
        Assert.Contains("such as 512M or 2G", error.Message, StringComparison.Ordinal);
    }
}
