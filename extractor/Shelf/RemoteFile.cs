using System.Net;
using System.Net.Http.Headers;

namespace Headstart.Extraction.Shelf;

/// <summary>A file on an HTTP server, to be read whole or in part.</summary>
/// <param name="client">Without a timeout of its own.</param>
/// <param name="stall">How long the server may send nothing.</param>
internal sealed class RemoteFile(HttpClient client, Uri address, TimeSpan stall)
{
    public Uri Address => address;

    /// <summary>A client that follows redirects and the proxy of the environment (HTTP_PROXY, HTTPS_PROXY, NO_PROXY).</summary>
    public static HttpClient CreateClient()
    {
        var client =
            new HttpClient(new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromSeconds(15) }) { Timeout = Timeout.InfiniteTimeSpan };
        client.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("headstart", ToolVersion.Text.Split('+')[0]));

        // Ranges count the bytes that are sent: a compressed answer would have others.
        client.DefaultRequestHeaders.AcceptEncoding.Add(new StringWithQualityHeaderValue("identity"));
        return client;
    }

    /// <summary>Asks for the bytes from <paramref name="from"/> on; the answer says whether it has them or the whole file.</summary>
    /// <param name="length">How many bytes; null for all that follow.</param>
    /// <param name="validator">An ETag or a date: a server whose file is another by now sends the whole of it.</param>
    /// <exception cref="DownloadFailure">Anything else than 200 and the right 206.</exception>
    public async Task<RemoteBody> OpenAsync(long from, long? length, string? validator, CancellationToken cancellation)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, address);
        if (from > 0 || length is not null)
        {
            request.Headers.Range = new RangeHeaderValue(from, from + length - 1);
            if (validator is not null)
                request.Headers.TryAddWithoutValidation("If-Range", validator);
        }

        var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        patience.CancelAfter(stall);
        HttpResponseMessage? response = null;
        try
        {
            response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, patience.Token);
            Check(response, from);
            var stream = await response.Content.ReadAsStreamAsync(patience.Token);
            return new RemoteBody(response, stream, patience, stall, cancellation);
        }
        catch (Exception e)
        {
            response?.Dispose();
            patience.Dispose();
            if (Translate(e, stall, cancellation) is { } failure)
                throw failure;
            throw;
        }
    }

    /// <summary>What the network threw, as a failure; null for what is none.</summary>
    public static DownloadFailure? Translate(Exception e, TimeSpan stall, CancellationToken cancellation) => e switch
    {
        OperationCanceledException when !cancellation.IsCancellationRequested =>
            new DownloadFailure($"nothing came for {stall.TotalSeconds:0.#} seconds", passing: true, e),
        HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError } =>
            new DownloadFailure(
                "the server's name is not known here (no network, or a proxy is needed: set HTTPS_PROXY)", passing: false, e),
        HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError or HttpRequestError.ProxyTunnelError } =>
            new DownloadFailure($"no secure connection ({e.GetBaseException().Message})", passing: false, e),
        HttpRequestException or IOException =>
            new DownloadFailure($"the connection failed ({e.GetBaseException().Message.TrimEnd('.')})", passing: true, e),
        _ => null,
    };

    private static void Check(HttpResponseMessage response, long from)
    {
        var status = (int)response.StatusCode;
        if (response.StatusCode == HttpStatusCode.OK)
            return;
        if (response.StatusCode == HttpStatusCode.PartialContent)
        {
            if (response.Content.Headers.ContentRange is { Unit: "bytes", HasRange: true } range && range.From == from)
                return;
            throw new DownloadFailure("the server sent another part than it was asked for", passing: true);
        }

        throw new DownloadFailure($"the server answered {status} {response.ReasonPhrase}", passing: status is 408 or 429 or >= 500)
        {
            IsBeyondEnd = status == 416,
        };
    }
}

/// <summary>What a server sends.</summary>
internal sealed class RemoteBody(
    HttpResponseMessage response, Stream stream, CancellationTokenSource patience, TimeSpan stall,
    CancellationToken cancellation) : IDisposable
{
    /// <summary>False where the server sends the whole file, whatever was asked for.</summary>
    public bool IsPart => response.StatusCode == HttpStatusCode.PartialContent;

    /// <summary>The size of the whole file in bytes; null where the server does not say.</summary>
    public long? Total => IsPart ? response.Content.Headers.ContentRange?.Length : response.Content.Headers.ContentLength;

    /// <summary>What tells this version of the file from another: a strong ETag, or a date; null where the server gives neither.</summary>
    public string? Validator =>
        response.Headers.ETag is { IsWeak: false } tag ? tag.ToString() : response.Content.Headers.LastModified?.ToString("R");

    /// <returns>0 at the end.</returns>
    /// <exception cref="DownloadFailure">The connection broke, or nothing came for too long.</exception>
    public async Task<int> ReadAsync(Memory<byte> buffer)
    {
        patience.CancelAfter(stall);
        try
        {
            return await stream.ReadAsync(buffer, patience.Token);
        }
        catch (Exception e)
        {
            if (RemoteFile.Translate(e, stall, cancellation) is { } failure)
                throw failure;
            throw;
        }
    }

    public void Dispose()
    {
        stream.Dispose();
        response.Dispose();
        patience.Dispose();
    }
}
