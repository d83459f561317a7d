namespace Headstart.Tests;

public sealed class RealPathTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _root;

    public RealPathTests() => _root = RealPath.Of(_folder.Path);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Links_are_followed_one_after_the_other_from_where_they_really_are()
    {
        _folder.Write("a/deep/real.jpg", [1]);
        Directory.CreateSymbolicLink(_folder.File("short"), "a/deep");
        File.CreateSymbolicLink(_folder.File("a", "deep", "up.jpg"), "../deep/./real.jpg");
        File.CreateSymbolicLink(_folder.File("a", "absolute.jpg"), _folder.File("short", "up.jpg"));

        // As text, short/../deep would be deep beside short.
        var real = Path.Join(_root, "a", "deep", "real.jpg");
        Assert.All((string[])["a/deep/real.jpg", "short/real.jpg", "short/up.jpg", "a/absolute.jpg"],
            name => Assert.Equal(real, RealPath.Of(_folder.File(name))));
    }

    [Fact]
    public void What_is_not_there_stays_as_it_is()
    {
        Directory.CreateSymbolicLink(_folder.File("dangling"), "nowhere");

        Assert.Equal(Path.Join(_root, "none", "x.jpg"), RealPath.Of(_folder.File("none", "x.jpg")));
        Assert.Equal(Path.Join(_root, "nowhere", "x.jpg"), RealPath.Of(_folder.File("dangling", "x.jpg")));
    }

    [Fact]
    public void A_circle_is_an_error()
    {
        File.CreateSymbolicLink(_folder.File("self"), "self");
        File.CreateSymbolicLink(_folder.File("a"), "b");
        File.CreateSymbolicLink(_folder.File("b"), "a");

        Assert.All((string[])["self", "a", "b/x"], name => Assert.Contains(
            "circle", Assert.Throws<IOException>(() => RealPath.Of(_folder.File(name))).Message, StringComparison.Ordinal));
    }
}
