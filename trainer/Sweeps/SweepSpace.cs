using System.Text.Json;

namespace Headstart.Trainer.Sweeps;

/// <summary>How trials are chosen from a space.</summary>
internal enum SearchKind
{
    /// <summary>Every combination of the listed values.</summary>
    Grid,

    /// <summary>So many combinations, drawn.</summary>
    Random,

    /// <summary>Many for a few epochs, the best of them for more: see <see cref="SuccessiveHalving"/>.</summary>
    Halving,
}

/// <summary>What makes one trial better than another.</summary>
internal enum RankKind
{
    /// <summary>Validation accuracy; of equal ones the lower loss.</summary>
    Accuracy,

    /// <summary>Validation loss.</summary>
    Loss,

    /// <summary>Area under the ROC curve; of equal ones the lower loss.</summary>
    Auc,
}

/// <summary>What a sweep tries: the content of a space file. <see cref="SpaceReader"/> reads it; docs/SWEEPS.md describes it.</summary>
internal sealed record SweepSpace
{
    public const int DefaultEta = 3;

    public SearchKind Search { get; init; }

    /// <summary>How many are drawn; null where every combination is tried.</summary>
    public int? Trials { get; init; }

    /// <summary>How often each trial is trained, each time with the next seed.</summary>
    public int Seeds { get; init; } = 1;

    /// <summary>Decides what is drawn, and is the first seed of every training.</summary>
    public long Seed { get; init; }

    /// <summary>Of successive halving: one trial in so many survives, and is trained so many times as long.</summary>
    public int Eta { get; init; } = DefaultEta;

    public RankKind Rank { get; init; }

    /// <summary>In the order of the file.</summary>
    public required IReadOnlyList<(SpaceOption Option, SpaceValues Values)> Options { get; init; }

    /// <summary>The file's content, to be compared and kept.</summary>
    public required JsonElement Source { get; init; }

    /// <summary>Whether trials may tune the base.</summary>
    public bool Tunes => Options.Any(o => o.Option.Part == SpacePart.Depth);

    /// <summary>
    /// The options that have more than one value. How deep it is tuned always is one of them, as the head alone is tried too.
    /// </summary>
    public IEnumerable<SpaceOption> Varied =>
        Options.Where(o => o.Values is not ListedValues { Values.Count: 1 } || o.Option.Part == SpacePart.Depth).Select(o => o.Option);
}
