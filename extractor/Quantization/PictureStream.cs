using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Headstart.Extraction.Runtime;
using Headstart.Images;
using Headstart.Preprocessing;
using Microsoft.ML.OnnxRuntime;

namespace Headstart.Extraction.Quantization;

/// <summary>
/// Gives pictures batch by batch, as often as asked for. What was prepared is kept while there is room, so that a picture is decoded once.
/// </summary>
/// <param name="preprocessing">The model's.</param>
/// <param name="batchSize">Pictures a batch.</param>
/// <param name="workers">That decode at once.</param>
/// <param name="room">How many bytes of prepared pictures are kept at most; pictures beyond are decoded again in every pass.</param>
internal sealed class PictureStream(ImagePreprocessing preprocessing, int batchSize, int workers, long room = PictureStream.Room)
{
    /// <summary>Enough for 890 pictures of 224 x 224.</summary>
    public const long Room = 512L << 20;

    private readonly ConcurrentDictionary<string, float[]> _prepared = new(StringComparer.Ordinal);
    private long _left = room;

    private readonly DecodingMemory _memory = new();
    private readonly ConcurrentDictionary<string, string> _rejected = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, string> _digests = new(StringComparer.Ordinal);

    /// <summary>Pictures that can't be used, and why, by path.</summary>
    public IReadOnlyDictionary<string, string> Rejected => _rejected;

    /// <summary>
    /// SHA-256 of the digests of the files that were used, in the order of their bytes: the same pictures have the same, whatever their
    /// names.
    /// </summary>
    public string SetDigest(IEnumerable<ImageItem> items)
    {
        var digests = items.Select(i => _digests.GetValueOrDefault(i.Path)).OfType<string>().Order(StringComparer.Ordinal);
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(string.Join('\n', digests))));
    }

    /// <summary>Runs over pictures in order.</summary>
    /// <param name="use">Given the network's input for a whole batch, and the slots with a picture in them; the others are zeros.</param>
    /// <param name="progress">Told the number of pictures of every batch that is done.</param>
    public void Run(
        IReadOnlyList<ImageItem> items, Action<OrtValue, IReadOnlyList<int>> use, IProgress<int> progress,
        CancellationToken cancellationToken)
    {
        using var batch = new FeatureBatch(batchSize, preprocessing.Size, [], []);
        var times = new StageTimes();
        foreach (var chunk in items.Chunk(batchSize))
        {
            cancellationToken.ThrowIfCancellationRequested();
            batch.Assign([.. chunk.Select(i => new PlannedRow(i, View: 0))]);
            Parallel.For(
                0,
                chunk.Length,
                new ParallelOptions { MaxDegreeOfParallelism = workers },
                () => new ImageLoader(preprocessing, null, _memory, times),
                (slot, _, loader) =>
                {
                    var path = chunk[slot].Path;
                    if (_prepared.TryGetValue(path, out var prepared))
                    {
                        prepared.CopyTo(batch.InputOf(slot));
                        return loader;
                    }

                    try
                    {
                        _digests[path] = loader.Load(batch, slot, 1).Sha256;
                        Keep(path, batch.InputOf(slot));
                    }
                    catch (ImageRejectedException e)
                    {
                        batch.InputOf(slot).Clear();
                        _rejected[path] = e.Message;
                    }

                    return loader;
                },
                _ => { });
            var whole = Enumerable.Range(0, chunk.Length).Where(slot => !_rejected.ContainsKey(chunk[slot].Path)).ToArray();
            if (whole.Length > 0)
                use(batch.Input, whole);
            progress.Report(chunk.Length);
        }
    }

    private void Keep(string path, ReadOnlySpan<float> input)
    {
        if (Interlocked.Add(ref _left, -(long)input.Length * sizeof(float)) >= 0)
            _prepared[path] = input.ToArray();
    }
}
