namespace Headstart;

/// <summary>Writes files that are either whole or not there.</summary>
public static class AtomicFile
{
    /// <summary>What a file is called while it is being written. Never ends in a name that a reader looks for.</summary>
    public const string TemporarySuffix = ".tmp";

    /// <summary>Writes beside <paramref name="path"/>, flushes to the disk, then renames. Missing folders are made.</summary>
    /// <exception cref="CommandException">The disk is full, the folder can't be written, or the like; nothing is left behind.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        var temporary = path + TemporarySuffix;
        try
        {
            if (Path.GetDirectoryName(Path.GetFullPath(path)) is { } folder)
                Directory.CreateDirectory(folder);
            using (var stream = new FileStream(temporary, FileMode.Create, FileAccess.Write))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            TryDelete(temporary);
            throw new CommandException($"Can't write {path}: {e.Message} Choose another place, or make room.", cause: e);
        }
        catch
        {
            TryDelete(temporary);
            throw;
        }
    }

    /// <summary><see cref="Write"/> for text, in UTF-8 without a byte-order mark.</summary>
    public static void WriteText(string path, string text) => Write(path, stream =>
    {
        using var writer = new StreamWriter(stream, leaveOpen: true);
        writer.Write(text);
    });

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The first error is the one worth telling.
        }
    }
}
