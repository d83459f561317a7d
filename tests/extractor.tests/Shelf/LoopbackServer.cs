using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Headstart.Tests.Shelf;

/// <summary>
/// An HTTP server on loopback that can misbehave as servers do. It speaks to one client at a time, one request a connection.
/// </summary>
internal sealed class LoopbackServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly List<ServedRequest> _requests = [];
    private readonly Task _serving;
    private bool _isStopped;

    public LoopbackServer(byte[] content)
    {
        Content = content;
        _listener.Start();
        Address = $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}/files/weights.bin";
        _serving = ServeAsync();
    }

    public string Address { get; }

    public byte[] Content { get; set; }

    /// <summary>With its quotes; null for a server that gives none.</summary>
    public string? ETag { get; set; } = "\"one\"";

    /// <summary>False for a server that sends the whole file whatever it is asked for.</summary>
    public bool SendsParts { get; set; } = true;

    /// <summary>False for a server that ends a file by closing the connection.</summary>
    public bool SendsLength { get; set; } = true;

    /// <summary>What the next requests meet, in order; afterwards the server behaves.</summary>
    public Queue<Mishap> Mishaps { get; } = new();

    public IReadOnlyList<ServedRequest> Requests => _requests;

    public long SentBytes => _requests.Sum(r => (long)r.Sent);

    public async ValueTask DisposeAsync()
    {
        if (_isStopped)
            return;
        _isStopped = true;
        await _stop.CancelAsync();
        _listener.Stop();
        await _serving;
        _stop.Dispose();
    }

    private async Task ServeAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                using var socket = await _listener.AcceptSocketAsync(_stop.Token);
                await AnswerAsync(socket);
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException or IOException)
            {
                // The client went away, or the test is over.
            }
        }
    }

    private async Task AnswerAsync(Socket socket)
    {
        await using var stream = new NetworkStream(socket);
        var head = await ReadHeadAsync(stream);
        var mishap = Mishaps.TryDequeue(out var next) ? next : new Mishap();
        var headers = head.Skip(1).Select(l => l.Split(": ", 2)).ToDictionary(h => h[0], h => h[1], StringComparer.OrdinalIgnoreCase);
        var request = new ServedRequest(head[0].Split(' ')[1], headers.GetValueOrDefault("Range"), headers.GetValueOrDefault("If-Range"));
        _requests.Add(request);
        if (mishap.Status is { } status)
        {
            await stream.WriteAsync(
                Encoding.ASCII.GetBytes($"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"), _stop.Token);
            return;
        }

        var (from, end) = (0, Content.Length);
        var part = SendsParts && request.Range is not null && (request.IfRange is null || request.IfRange == ETag);
        if (part)
        {
            var bounds = request.Range!["bytes=".Length..].Split('-');
            from = int.Parse(bounds[0], CultureInfo.InvariantCulture);
            end = bounds[1].Length > 0 ? Math.Min(end, int.Parse(bounds[1], CultureInfo.InvariantCulture) + 1) : end;
            if (from >= Content.Length)
            {
                await stream.WriteAsync(Encoding.ASCII.GetBytes(
                    $"HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */{Content.Length}\r\nContent-Length: 0\r\nConnection: " +
                        "close\r\n\r\n"), _stop.Token);
                return;
            }
        }

        var answer = new StringBuilder(part ? "HTTP/1.1 206 Partial Content\r\n" : "HTTP/1.1 200 OK\r\n").Append("Connection: close\r\n");
        if (part)
            answer.Append(CultureInfo.InvariantCulture, $"Content-Range: bytes {from}-{end - 1}/{Content.Length}\r\n");
        if (SendsLength)
            answer.Append(CultureInfo.InvariantCulture, $"Content-Length: {end - from}\r\n");
        if (ETag is not null)
            answer.Append(CultureInfo.InvariantCulture, $"ETag: {ETag}\r\n");
        await stream.WriteAsync(Encoding.ASCII.GetBytes(answer.Append("\r\n").ToString()), _stop.Token);

        request.Sent = Math.Min(end - from, mishap.CutAfter ?? int.MaxValue);
        await stream.WriteAsync(Content.AsMemory(from, request.Sent), _stop.Token);
        if (mishap.Stalls)
            await stream.ReadExactlyAsync(new byte[1], _stop.Token); // Until the client goes.
        if (mishap.Resets)
        {
            await DrainedAsync(socket);
            socket.LingerState = new LingerOption(true, 0); // A reset instead of a goodbye.
        }
    }

    // A reset throws away what still lies in the client's buffer, and then nothing could be gone on with.
    private async Task DrainedAsync(Socket socket)
    {
        await Task.Delay(50, _stop.Token);
        Assert.True(socket.Connected);
    }

    private async Task<string[]> ReadHeadAsync(Stream stream)
    {
        var head = new StringBuilder();
        var one = new byte[1];
        while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal))
        {
            if (await stream.ReadAsync(one, _stop.Token) == 0)
                throw new IOException("The client left.");
            head.Append((char)one[0]);
        }

        return head.ToString().Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
    }
}

/// <summary>What goes wrong with one request.</summary>
/// <param name="CutAfter">The connection ends after so many bytes of the answer.</param>
/// <param name="Resets">It ends with a reset.</param>
/// <param name="Stalls">It stays open, and nothing comes until the client goes.</param>
/// <param name="Status">Answer this, such as <c>404 Not Found</c>, and nothing else.</param>
internal sealed record Mishap(int? CutAfter = null, bool Resets = false, bool Stalls = false, string? Status = null);

/// <param name="Target">As in the request's first line: a path, or the whole address when the server is used as a proxy.</param>
internal sealed record ServedRequest(string Target, string? Range, string? IfRange)
{
    /// <summary>Bytes of the file that were sent.</summary>
    public int Sent { get; set; }
}
