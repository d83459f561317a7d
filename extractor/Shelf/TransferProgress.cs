namespace Headstart.Extraction.Shelf;

/// <summary>Counts what a download receives, and shows how far it is in whole megabytes.</summary>
/// <param name="start">Takes the total and returns where to report, as <see cref="CommandLine.ProgressDisplay"/> has it.</param>
internal sealed class TransferProgress(Func<int, IProgress<int>> start)
{
    private const double Megabyte = 1e6;

    private IProgress<int>? _display;
    private int _shown;

    /// <summary>Bytes that came over the network, those of failed attempts included.</summary>
    public long Received { get; private set; }

    /// <param name="total">In bytes; null where the server does not say.</param>
    public void Begin(long? total) => _display ??= start((int)Math.Ceiling((total ?? 0) / Megabyte));

    /// <param name="received">New bytes.</param>
    /// <param name="position">How much of the file is there.</param>
    public void Add(int received, long position)
    {
        Received += received;
        var megabytes = (int)(position / Megabyte);
        if (megabytes != _shown)
            _display?.Report(megabytes - _shown);
        _shown = megabytes;
    }
}
