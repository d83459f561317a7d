using Headstart.Cache;
using Headstart.Trainer.Features;

namespace Headstart.Trainer.Runs;

/// <summary>Which rows to judge a head by.</summary>
public enum JudgedSplit
{
    Test,
    Val,
    Train,
    All,
}

/// <summary>The rows of a cache that a run is judged by: plain images (view 0) with a label that the run knows, ordered by path.</summary>
/// <param name="Rows">Row numbers.</param>
/// <param name="Split">Which they are.</param>
/// <param name="How">The same for people: <c>the test rows of cache</c>.</param>
/// <param name="LeftOut">Images of the split that have no label, or one that the run doesn't know.</param>
/// <param name="Notes">What the user should know about it, one line each.</param>
internal sealed record JudgedRows(IReadOnlyList<int> Rows, JudgedSplit Split, string How, int LeftOut, IReadOnlyList<string> Notes)
{
    /// <summary>
    /// The rows of the split asked for. Otherwise the test rows where the cache names some, the rows that validated where it trained the
    /// run, and else all.
    /// </summary>
    /// <exception cref="CommandException">The cache doesn't tell which rows those are, or none of them can be judged.</exception>
    public static JudgedRows Of(FeatureCache cache, RunFile run, JudgedSplit? asked) =>
        Of(new LabelledImages(cache.Folder, cache.Rows), run, asked);

    /// <summary>As above, of any images.</summary>
    public static JudgedRows Of(LabelledImages cache, RunFile run, JudgedSplit? asked)
    {
        var hasTrained = IsOf(run.Cache, cache);
        var split = asked ?? Default(cache.Rows, hasTrained || IsOf(run.ValidationCache, cache));
        var (candidates, how) =
            split == JudgedSplit.All ? (Enumerable.Range(0, cache.Rows.Count), "all rows") : Named(cache, run, split, hasTrained);
        var plain = candidates.Where(r => cache.Rows[r].View == 0).OrderBy(r => cache.Rows[r].Path, StringComparer.Ordinal).ToList();
        var rows = plain.Where(r => run.Classes.Contains(cache.Rows[r].Label)).ToList();
        var notes = NotesOn(cache, run, plain, rows).ToList();
        if (rows.Count == 0)
        {
            throw new CommandException(plain.Count == 0
                ? $"{cache.Folder} has no {(split == JudgedSplit.All ? "" : split.ToString().ToLowerInvariant() + " ")}rows to judge. " +
                    $"Give another --split (test, val, train, all) or another cache."
                : $"{cache.Folder} has nothing to judge: {string.Join(" ", notes)} The run knows {string.Join(", ", run.Classes)}.");
        }

        if (split == JudgedSplit.Train || (split == JudgedSplit.All && hasTrained))
            notes.Insert(0, "The head has learnt from these very images: the figures flatter.");
        return new JudgedRows(rows, split, $"{how} of {cache.Folder}", plain.Count - rows.Count, notes);
    }

    private static JudgedSplit Default(IReadOnlyList<CacheRow> rows, bool isOfRun)
    {
        if (rows.Any(r => string.Equals(r.Split, "test", StringComparison.OrdinalIgnoreCase)))
            return JudgedSplit.Test;
        return isOfRun ? JudgedSplit.Val : JudgedSplit.All;
    }

    private static (IEnumerable<int> Rows, string How) Named(LabelledImages cache, RunFile run, JudgedSplit split, bool hasTrained)
    {
        var roles = RowSplit.Roles(cache.Rows, cache.Folder);
        var hasColumn = cache.Rows.Any(r => r.Split is not null);
        var role = split switch
        {
            JudgedSplit.Test => SplitRole.Test,
            JudgedSplit.Val => SplitRole.Validation,
            JudgedSplit.Train => SplitRole.Train,
            _ => throw CommandException.Usage($"--split {split}: there are test, val, train and all."),
        };
        var named = Enumerable.Range(0, cache.Rows.Count).Where(r => hasColumn && roles[r] == role).ToList();
        var word = split.ToString().ToLowerInvariant();
        if (run.ValidationCache is null && split != JudgedSplit.Test && !roles.Contains(SplitRole.Validation))
            return hasTrained ? Drawn(cache, run, split) : named.Count > 0 ? (named, $"the {word} rows") : throw Untold(cache, split);
        if (split == JudgedSplit.Val && named.Count == 0 && IsOf(run.ValidationCache, cache))
            return (Enumerable.Range(0, cache.Rows.Count).Where(r => roles[r] != SplitRole.Test), "the rows that validated the run");
        if (split == JudgedSplit.Train && !hasColumn && hasTrained)
            return (Enumerable.Range(0, cache.Rows.Count), "the rows that trained the run");
        return named.Count > 0 ? (named, $"the {word} rows") : throw Untold(cache, split);
    }

    // The same draw as then gives the same rows, if the cache still has the same.
    private static (IEnumerable<int> Rows, string How) Drawn(LabelledImages cache, RunFile run, JudgedSplit split)
    {
        if (run.Cache.Images != RunCache.DigestOf(cache.Rows))
        {
            throw new CommandException(
                $"{cache.Folder} has other images than when the run was trained: which of them validated can't be told. " +
                "Judge by another cache, or by --split all, which flatters.");
        }

        if (run.MoreCaches is { Count: > 0 } more)
        {
            throw new CommandException($"The run's validation images were drawn from {cache.Folder} and {more.Count} more " +
                $"{(more.Count == 1 ? "cache" : "caches")} together, so one of them " +
                "doesn't tell which they are. Judge by another cache, or by --split all, which flatters.");
        }

        var drawn = RowSplit.Of(cache.Rows, cache.Folder, run.Split.ValSplit, run.SplitSeed);
        return split == JudgedSplit.Val
            ? (drawn.Validation, "the rows that validated the run")
            : (drawn.Train, "the rows that trained the run");
    }

    // A copied cache lies elsewhere, and one that grew has other images now.
    private static bool IsOf(RunCache? read, LabelledImages cache) =>
        read is not null && (read.Images == RunCache.DigestOf(cache.Rows) || Path.GetFullPath(cache.Folder) == read.Folder);

    private static IEnumerable<string> NotesOn(LabelledImages cache, RunFile run, List<int> plain, List<int> rows)
    {
        var unlabelled = plain.Count(r => cache.Rows[r].Label is null);
        if (unlabelled > 0)
            yield return $"{unlabelled:N0} {(unlabelled == 1 ? "image has" : "images have")} no label, and can't be judged.";
        foreach (var unknown in plain.Select(r => cache.Rows[r].Label).OfType<string>().Where(l => !run.Classes.Contains(l))
            .GroupBy(l => l, StringComparer.Ordinal))
            yield return $"The run doesn't know the class '{unknown.Key}': its {unknown.Count():N0} " +
                $"{(unknown.Count() == 1 ? "image is" : "images are")} left out.";
        var judged = rows.Select(r => cache.Rows[r].Label).ToHashSet();
        if (rows.Count > 0 && run.Classes.Where(c => !judged.Contains(c)).ToList() is { Count: > 0 } missing)
            yield return $"There are no images of {string.Join(", ", missing)}.";
    }

    private static CommandException Untold(LabelledImages cache, JudgedSplit split)
    {
        var names = cache.Rows.Select(r => r.Split).OfType<string>().Distinct().Order(StringComparer.Ordinal).ToList();
        var has = names.Count == 0 ? "names no splits" : $"has the splits {string.Join(", ", names)}";
        return new CommandException(
            $"{cache.Folder} {has}, so there are no {split.ToString().ToLowerInvariant()} rows that could be told from others. " +
            "Give another --split (test, val, train, all).");
    }
}

/// <summary>Images with what a cache says of them, wherever they are.</summary>
/// <param name="Folder">Where they are, for messages and to be known again.</param>
/// <param name="Rows">One or more an image.</param>
internal sealed record LabelledImages(string Folder, IReadOnlyList<CacheRow> Rows);
