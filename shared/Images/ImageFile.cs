namespace Headstart.Images;

/// <summary>Opens image files, and says why one can't be read.</summary>
public static class ImageFile
{
    private const long MaximumBytes = 512L << 20;

    // Of smaller files each worker may hold one while it waits for memory to decode it.
    private const long SmallFileBytes = 32L << 20;

    /// <summary>Reads a whole file.</summary>
    /// <param name="file">Its path.</param>
    /// <param name="share">Asked for all the memory there is where the file is large.</param>
    /// <exception cref="ImageRejectedException">Not an image by its first bytes, or the file can't be read.</exception>
    public static byte[] ReadWhole(string file, DecodingMemory.Share share)
    {
        using var stream = Open(file);
        return Reading(() =>
        {
            Span<byte> start = stackalloc byte[12];
            ImageDecoder.CheckSignature(start[..stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)]);
            stream.Position = 0;
            if (stream.Length > SmallFileBytes)
                share.TakeAll();
            var bytes = GC.AllocateUninitializedArray<byte>((int)stream.Length);
            stream.ReadExactly(bytes);
            return bytes;
        });
    }

    /// <summary>
    /// Opens a regular file, also through links. Nothing else is even opened: that would wait for somebody to write into a pipe.
    /// </summary>
    /// <exception cref="ImageRejectedException">Not a regular file, empty, too large, gone or unreadable.</exception>
    public static FileStream Open(string file) => Reading(() =>
    {
        if (Path.GetFileName(file.AsSpan()).Contains('\uFFFD'))
            throw new ImageRejectedException(
                "the file's name is not UTF-8, and each \uFFFD in it stands for bytes that are not ('ls -b' shows them): rename the file");

        // Of a link, FileInfo gives the link's own length.
        var info = new FileInfo(file);
        var target = info.LinkTarget;
        if (target is not null)
            info = new FileInfo(RealPath.Of(file));
        if (Directory.Exists(info.FullName))
            throw new ImageRejectedException("a folder, not a file");
        if (!info.Exists)
            throw new ImageRejectedException(target is not null
                ? $"a link to a file that isn't there: {target.ReplaceLineEndings(" ")}"
                : "the file isn't there any more");

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
