using Headstart.Images;

namespace Headstart.Extraction.Pipeline;

/// <summary>Opens image files, and says why one can't be read.</summary>
internal static class ImageFile
{
    private const long MaximumBytes = 512L << 20;

    /// <summary>Opens a regular file, also through links. Nothing else is even opened: that would wait for somebody to write into a pipe.</summary>
    /// <exception cref="ImageRejectedException">Not a regular file, empty, too large, gone or unreadable.</exception>
    public static FileStream Open(string file) => Reading(() =>
    {
        if (Path.GetFileName(file.AsSpan()).Contains('\uFFFD'))
            throw new ImageRejectedException("the file's name is not UTF-8, and each \uFFFD in it stands for bytes that are not ('ls -b' shows them): rename the file");

        // Of a link, FileInfo gives the link's own length.
        var info = new FileInfo(file);
        var target = info.LinkTarget;
        if (target is not null)
            info = new FileInfo(RealPath.Of(file));
        if (Directory.Exists(info.FullName))
            throw new ImageRejectedException("a folder, not a file");
        if (!info.Exists)
            throw new ImageRejectedException(target is not null ? $"a link to a file that isn't there: {target.ReplaceLineEndings(" ")}" : "the file isn't there any more");

        // Pipes, devices and sockets have no length.
        if (info.Length == 0)
            throw new ImageRejectedException("the file is empty, or no regular file but a pipe or a device");
        if (info.Length > MaximumBytes)
            throw new ImageRejectedException($"the file is larger than {MaximumBytes >> 20} MiB");
        return new FileStream(info.FullName, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 1);
    });

    /// <summary>Turns the errors of reading into reasons.</summary>
    /// <exception cref="ImageRejectedException">The file can't be read.</exception>
    public static T Reading<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ImageRejectedException($"the file can't be read: {e.Message.ReplaceLineEndings(" ")}", e);
        }
    }
}
