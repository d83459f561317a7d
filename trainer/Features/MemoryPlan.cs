using Headstart.Trainer.Heads;

namespace Headstart.Trainer.Features;

/// <summary>What of the features is held in memory, and in blocks of how many images the rest is read in every epoch.</summary>
/// <param name="Limit">What the whole process may take; null for as much as it needs.</param>
/// <param name="BlockRows">How many images are shuffled together; null when all features are in memory.</param>
/// <param name="HoldsValidation">Whether the images that validate are in memory in any case.</param>
/// <remarks>It follows from the limit, the data and the head alone, not from the machine: the order of the images depends on it.</remarks>
internal sealed record MemoryPlan(MemorySize? Limit, int? BlockRows, bool HoldsValidation)
{
    // Measured: .NET, libtorch and its threads, after a step.
    private const long Program = 300L << 20;

    // Measured: what a cache's rows take, with their paths and checksums, and what is known of their views.
    private const long BytesARow = 1200;

    // Weights, gradients, two moments, the copy that is kept.
    private const int CopiesOfWeights = 5;

    // A checkpoint is a copy of all but the gradients, made by .NET.
    private const int CopiesInCheckpoint = 4;

    // .NET's own objects apart from those below.
    private const long Managed = 64L << 20;

    // Measured: a row group being read, its bytes and the features before they are reduced, and what the collector has not given back yet.
    private const int CopiesOfGroup = 4;

    // What the collector has not given back yet, and the allocator's gaps.
    private const double Slack = 1.1;

    private const int EvaluationBatch = 256;

    // The least that is worth the name of a shuffle.
    private const int LeastGroups = 4;

    private const int GroupsBesideValidation = 16;

    private const double PartOfAvailable = 0.7;

    /// <summary>Whether features are read again in every epoch.</summary>
    public bool IsStreamed => BlockRows is not null;

    /// <param name="limit">What the whole process may take; null when nobody said.</param>
    /// <param name="blockRows">The size of a block, where somebody said; then features are streamed even if they would fit.</param>
    /// <param name="data">What is to be read.</param>
    /// <param name="head">What reads it.</param>
    /// <param name="batch">Images a step.</param>
    /// <param name="available">Bytes that this machine, or the container, has; null to hold everything whatever it takes, where there is no
    /// limit.</param>
    /// <exception cref="CommandException">The limit is too small; the message gives the least that works.</exception>
    public static MemoryPlan Of(MemorySize? limit, int? blockRows, TrainingData data, HeadPlan head, int batch, long? available)
    {
        var row = (long)head.Stored.Length * sizeof(float);
        var (train, validation) = (data.Split.Train.Count * row, data.Split.Validation.Count * row);
        var groupRows = LargestShare(data);
        if (blockRows < groupRows)
            throw CommandException.Usage(
                $"--block-rows {blockRows}: a block holds at least the images of a whole row group, here {groupRows:N0}.");
        if (limit is null && blockRows is null)
        {
            if (available is not { } bytes || train + validation <= PartOfAvailable * bytes)
                return new MemoryPlan(null, null, HoldsValidation: true);
            limit = new MemorySize((long)(PartOfAvailable * bytes) >> 20 << 20);
        }

        if (limit is not { Bytes: var most })
            return new MemoryPlan(null, blockRows, HoldsValidation: false);

        var rows = data.RowsToRead;
        var largest = data.Joined.RowGroups.Concat(data.ValidationCache is null ? [] : data.Judging.RowGroups).Max(g => g.RowCount);
        var reading = BlockPass.Readers * CopiesOfGroup * largest * (long)data.Layer.Shape.Length * sizeof(float);
        var managed = Managed + (rows * BytesARow) + (head.Parameters * sizeof(float) * CopiesInCheckpoint) + reading;
        var other = Program + managed + (head.Parameters * sizeof(float) * CopiesOfWeights) + ((EvaluationBatch + (2L * batch)) * row);
        var room = (long)((most - other) / Slack);
        if (blockRows is null && train + validation <= room)
            return new MemoryPlan(limit, null, HoldsValidation: true);

        var leastBlock = blockRows ?? Math.Min((long)LeastGroups * groupRows, data.Split.TrainImages);
        if (2 * leastBlock * row > room)
        {
            var least = MemorySize.AtLeast((long)(other + (Slack * 2 * leastBlock * row)));
            throw CommandException.Usage($"--memory {limit}: {least} is the least that works here. libtorch and this head take " +
                $"{MemorySize.AtLeast(other - reading)}, " +
                $"reading {MemorySize.AtLeast(reading)}, and two blocks of {leastBlock:N0} images " +
                $"{MemorySize.AtLeast(2 * leastBlock * row)}.");
        }

        // Where blocks stay large enough, validation is read once instead of in every epoch: that saves up to half of the reading.
        var goodBlock = Math.Min((long)GroupsBesideValidation * groupRows, data.Split.TrainImages);
        var holds = 2 * (blockRows ?? goodBlock) * row <= room - validation;
        var blocks = (holds ? room - validation : room) / (2 * row);
        return new MemoryPlan(limit, blockRows ?? (int)Math.Min(blocks, Math.Max(data.Split.TrainImages, groupRows)), holds);
    }

    /// <summary>How many rows are read before the first epoch.</summary>
    public int RowsToLoad(TrainingData data) => IsStreamed ? (HoldsValidation ? data.Judging.Rows.Count : 0) : data.RowsToRead;

    // Rows of one row group that an epoch can want: any view of an image may be drawn.
    private static int LargestShare(TrainingData data)
    {
        var inJoined = new bool[data.Joined.Rows.Count];
        foreach (var row in data.Split.Train)
            inJoined[row] = true;
        var train = data.Joined.RowGroups.Max(g => inJoined.AsSpan(g.FirstRow, g.RowCount).Count(true));
        var judging = data.Judging;
        var inJudging = new bool[judging.Rows.Count];
        foreach (var row in data.Split.Validation)
            inJudging[row] = true;
        return Math.Max(train, judging.RowGroups.Max(g => inJudging.AsSpan(g.FirstRow, g.RowCount).Count(true)));
    }
}
