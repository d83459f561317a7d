namespace Headstart.Tests.BrokenImages;

/// <summary>Every sample cut at each tenth and with each of its first bytes flipped, under the name of a JPEG, and one run over them
/// all.</summary>
public sealed class DamagedFiles : IAsyncLifetime
{
    private readonly TemporaryFolder _folder = new();

    /// <summary>Paths below <see cref="Images"/>.</summary>
    public List<string> Cut { get; } = [];

    /// <summary>Paths below <see cref="Images"/>.</summary>
    public List<string> Flipped { get; } = [];

    public string Images => _folder.File("images");

    internal Extraction Run { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        foreach (var name in SampleImages.Names)
        {
            var kind = name.Replace(' ', '-').Replace(':', '-');
            var file = SampleImages.File(name);
            for (var tenth = 0; tenth < 10; tenth++)
                Write(Cut, $"cut/{kind}-{tenth}.jpg", file.AsSpan(0, file.Length * tenth / 10));
            for (var at = 0; at < 64; at++)
            {
                file[at] ^= 0xFF;
                Write(Flipped, $"flipped/{kind}-{at:D2}.jpg", file);
                file[at] ^= 0xFF;
            }
        }

        Run = await Extraction.RunAsync(Images, _folder.File("cache"), "--max-rejected", "100");
        Run.Program.EndedWith(0);
    }

    public ValueTask DisposeAsync()
    {
        _folder.Dispose();
        return ValueTask.CompletedTask;
    }

    private void Write(List<string> paths, string path, ReadOnlySpan<byte> file)
    {
        _folder.Write($"images/{path}", file);
        paths.Add(path);
    }
}
