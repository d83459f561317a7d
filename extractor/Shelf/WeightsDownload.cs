using Headstart.Extraction.Import;
using Headstart.Safetensors;

namespace Headstart.Extraction.Shelf;

/// <summary>A download that is complete, still under its partial name.</summary>
/// <param name="Target">The final name.</param>
/// <param name="Digests">Of all bytes.</param>
/// <param name="WasResumed">Whether some of the bytes came in an earlier attempt.</param>
/// <param name="SourceLength">The size of the server's whole file, where it says.</param>
internal sealed record Downloaded(string Target, FileDigests Digests, bool WasResumed, long? SourceLength);

/// <summary>One attempt at a file, going on where an earlier one ended.</summary>
internal sealed class WeightsDownload(RemoteFile remote, TransferProgress progress)
{
    private const int BufferBytes = 1 << 17;

    // Holds the header of every VGG, so that one request brings it.
    private const int ProbeBytes = 1 << 14;

    /// <summary>Fetches all of the file.</summary>
    /// <param name="target">The final name.</param>
    /// <param name="isPublished">Whether a published checksum finds pieces of two versions put together, where the server itself does
    /// not.</param>
    /// <exception cref="DownloadFailure">What came stays.</exception>
    public async Task<Downloaded> WholeAsync(string target, bool isPublished, CancellationToken cancellation)
    {
        using var partial = PartialFile.Open(target);
        var origin = partial.Origin;
        var resumes = origin is not null && origin.Address == remote.Address.AbsoluteUri && (origin.Validator is not null || isPublished)
            && !(partial.Length > origin.Total);
        if (resumes && partial.Length == origin!.Total)
        {
            partial.Resume();
            return new Downloaded(target, partial.Complete(), WasResumed: true, origin.Total);
        }

        using var body = await OpenAsync(resumes ? partial.Length : 0, origin?.Validator, cancellation);
        if (body.IsPart && (origin?.Total is null || body.Total is null || origin.Total == body.Total))
        {
            partial.Resume();
        }
        else if (body.IsPart)
        {
            partial.Restart(new PartialOrigin(remote.Address.AbsoluteUri));
            throw new DownloadFailure(
                $"the file changed on the server (from {origin!.Total:N0} to {body.Total:N0} bytes), so it is begun anew", passing: true);
        }
        else
        {
            partial.Restart(new PartialOrigin(remote.Address.AbsoluteUri, body.Validator, body.Total));
        }

        progress.Begin(body.Total);
        await CopyAsync(body, partial, long.MaxValue);
        if (body.Total is { } total && partial.Length != total)
            throw new DownloadFailure($"it ended after {partial.Length:N0} of {total:N0} bytes", passing: true);
        return new Downloaded(target, partial.Complete(), body.IsPart, body.Total);
    }

    /// <summary>Fetches only the base's tensors of a safetensors file, by ranges, as a safetensors file of their own.</summary>
    /// <param name="target">The final name.</param>
    /// <returns>Null where the server can't send a part of a file.</returns>
    /// <exception cref="DownloadFailure">What came stays.</exception>
    public async Task<Downloaded?> BaseAsync(string target, ShelfModel model, CancellationToken cancellation)
    {
        PartialOrigin origin;
        byte[] start;
        using (var probe = await remote.OpenAsync(0, ProbeBytes, validator: null, cancellation))
        {
            if (!probe.IsPart || probe.Total is not { } total)
                return null;
            origin = new PartialOrigin(remote.Address.AbsoluteUri, probe.Validator, total);
            start = await ReadAsync(probe, (int)Math.Min(total, ProbeBytes));
        }

        var tensors = await FindAsync(start, origin, model, cancellation);
        var (header, spans) = (tensors.Header(), tensors.Spans());
        using var partial = PartialFile.Open(target);
        var resumes = partial.Origin == origin && origin.Validator is not null && partial.Length >= header.Length
            && partial.Length <= header.Length + spans.Sum(s => s.Length);
        if (resumes)
        {
            partial.Resume();
        }
        else
        {
            partial.Restart(origin);
            partial.Append(header);
        }

        progress.Begin(header.Length + spans.Sum(s => s.Length));
        long end = header.Length;
        foreach (var (from, length) in spans)
        {
            end += length;
            var missing = end - partial.Length;
            if (missing <= 0)
                continue;
            using var body = await remote.OpenAsync(from + length - missing, missing, origin.Validator, cancellation);
            if (!body.IsPart || body.Total != origin.Total)
                throw new DownloadFailure("the file changed on the server, so it is begun anew", passing: true);
            await CopyAsync(body, partial, missing);
            if (partial.Length != end)
                throw new DownloadFailure($"it ended {end - partial.Length:N0} bytes too early", passing: true);
        }

        return new Downloaded(target, partial.Complete(), resumes, origin.Total);
    }

    private async Task<RemoteBody> OpenAsync(long from, string? validator, CancellationToken cancellation)
    {
        try
        {
            return await remote.OpenAsync(from, length: null, validator, cancellation);
        }
        catch (DownloadFailure e) when (e.IsBeyondEnd && from > 0)
        {
            return await remote.OpenAsync(0, length: null, validator: null, cancellation);
        }
    }

    private async Task<BaseTensors> FindAsync(byte[] start, PartialOrigin origin, ShelfModel model, CancellationToken cancellation)
    {
        try
        {
            if (start.Length < SafetensorsHeader.LengthBytes)
                throw new CommandException($"it has {start.Length} bytes");
            var length = SafetensorsHeader.Length("the file", start, origin.Total!.Value);
            var header = new byte[length];
            var known = Math.Min(length, start.Length - SafetensorsHeader.LengthBytes);
            start.AsSpan(SafetensorsHeader.LengthBytes, known).CopyTo(header);
            if (known < length)
            {
                using var body = await remote.OpenAsync(start.Length, length - known, origin.Validator, cancellation);
                if (!body.IsPart)
                    throw new DownloadFailure("the file changed on the server, so it is begun anew", passing: true);
                (await ReadAsync(body, length - known)).CopyTo(header, known);
            }

            return BaseTensors.Find("the file", header, origin.Total.Value, model);
        }
        catch (CommandException e)
        {
            throw new DownloadFailure($"these are not the weights of {model.Name}: {e.Message.TrimEnd('.')}", passing: false, e);
        }
    }

    private async Task<byte[]> ReadAsync(RemoteBody body, int length)
    {
        var bytes = new byte[length];
        var read = 0;
        while (read < length && await body.ReadAsync(bytes.AsMemory(read)) is > 0 and var count)
        {
            read += count;
            progress.Add(count, 0);
        }

        return read == length ? bytes : throw new DownloadFailure($"it ended after {read:N0} of {length:N0} bytes", passing: true);
    }

    private async Task CopyAsync(RemoteBody body, PartialFile partial, long most)
    {
        var buffer = new byte[BufferBytes];
        progress.Add(0, partial.Length);
        while (most > 0 && await body.ReadAsync(buffer.AsMemory(0, (int)Math.Min(buffer.Length, most))) is > 0 and var count)
        {
            partial.Append(buffer.AsMemory(0, count));
            most -= count;
            progress.Add(count, partial.Length);
        }
    }
}
