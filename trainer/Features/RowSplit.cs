using Headstart.Cache;

namespace Headstart.Trainer.Features;

/// <summary>Which rows of one cache, or of several, train a head and which judge it. The test split is in neither.</summary>
/// <remarks>Both lists are ordered by path and view, so that nothing later depends on how the cache is divided into parts.</remarks>
/// <param name="Train">Row numbers; every view of an image, one after the other.</param>
/// <param name="Validation">Row numbers; plain images only (view 0).</param>
/// <param name="How">How the two were told apart, for people: <c>by the split column</c>.</param>
/// <param name="Notes">What the user should know about it, one line each.</param>
internal sealed record RowSplit(IReadOnlyList<int> Train, IReadOnlyList<int> Validation, string How, IReadOnlyList<string> Notes)
{
    /// <summary>The images that train; an epoch draws one view of each.</summary>
    public int TrainImages { get; private init; } = Train.Count;

    /// <summary>By the cache's split column where it has one, otherwise drawn: see <see cref="StratifiedSplit"/>.</summary>
    /// <param name="rows">Of the cache.</param>
    /// <param name="folder">The cache, for messages.</param>
    /// <param name="fraction">Of each class's images that validate, where the split is drawn.</param>
    /// <param name="seed">Decides which.</param>
    /// <exception cref="CommandException">Rows without a label, an unknown split, an empty split, one class only, a class that can't be
    /// divided.</exception>
    public static RowSplit Of(IReadOnlyList<CacheRow> rows, string folder, double fraction, long seed) =>
        Of([new RowSource(folder, rows)], fraction, seed);

    /// <summary>
    /// By the split columns of the caches that have one; a cache without one trains, and where none has one it is drawn from all.
    /// </summary>
    /// <param name="sources">The caches; rows are numbered through.</param>
    /// <param name="fraction">Of each class's images that validate, where the split is drawn.</param>
    /// <param name="seed">Decides which.</param>
    /// <exception cref="CommandException">Rows without a label, an unknown split, an empty split, one class only, a class that can't be
    /// divided.</exception>
    public static RowSplit Of(IReadOnlyList<RowSource> sources, double fraction, long seed)
    {
        var (rows, roles, folder) = Join(sources);
        var train = Ordered(rows, roles, SplitRole.Train, folder);
        var validation = Ordered(rows, roles, SplitRole.Validation, folder);
        var notes = new List<string>();
        RequireRows(rows, train, folder, "train");
        RequireTwoClasses(rows, train, folder);
        NoteMissingClasses(sources, rows, train, notes);

        var how = "by the split column";
        if (validation.Count == 0)
        {
            (train, validation) = StratifiedSplit.Draw(rows, train, folder, fraction, seed);
            how = $"{fraction:0.##%} of each class drawn with seed {seed}";
        }
        else
        {
            RequireKnownClasses(rows, train, validation, folder);
            NoteSharedImages(rows, validation, train.Select(r => rows[r].Sha256).ToHashSet(StringComparer.Ordinal), notes);
        }

        NoteRepeatedImages(sources, notes);
        NoteLoneImages(rows, train, notes);
        NoteConflictingLabels(rows, [.. train, .. validation], notes);
        var plain = validation.Where(r => rows[r].View == 0).ToList();
        if (plain.Count == 0)
            throw new CommandException(
                $"{folder} has no plain images (view 0) to validate with. Extract them: views come beside the plain image.");
        return new RowSplit(train, plain, how, notes) { TrainImages = ImageViews.Of(rows, train, SourceOf(sources)).Images.Count };
    }

    /// <summary>
    /// One cache trains and another validates: by its validation rows where it names some, otherwise by all that are not for testing.
    /// </summary>
    /// <param name="rows">Of the cache that trains; <see cref="Train"/> numbers them. Its own validation rows are left alone.</param>
    /// <param name="folder">That cache, for messages.</param>
    /// <param name="valRows">Of the cache that validates; <see cref="Validation"/> numbers them.</param>
    /// <param name="valFolder">That cache, for messages.</param>
    /// <exception cref="CommandException">As of <see cref="Of(IReadOnlyList{CacheRow}, string, double, long)"/>; or classes that only the
    /// second cache has.</exception>
    public static RowSplit Between(IReadOnlyList<CacheRow> rows, string folder, IReadOnlyList<CacheRow> valRows, string valFolder) =>
        Between([new RowSource(folder, rows)], new RowSource(valFolder, valRows));

    /// <summary>
    /// Caches that train, and one that validates: by its validation rows where it names some, otherwise by all that are not for testing.
    /// </summary>
    /// <param name="sources">Train; <see cref="Train"/> numbers their rows through. Their own validation rows are left alone.</param>
    /// <param name="val">Validates; <see cref="Validation"/> numbers its rows.</param>
    /// <exception cref="CommandException">As of <see cref="Of(IReadOnlyList{RowSource}, double, long)"/>; or classes that only the cache
    /// that validates has.</exception>
    public static RowSplit Between(IReadOnlyList<RowSource> sources, RowSource val)
    {
        var (rows, roles, folder) = Join(sources);
        var (valFolder, valRows) = val;
        var train = Ordered(rows, roles, SplitRole.Train, folder);
        RequireRows(rows, train, folder, "train");
        RequireTwoClasses(rows, train, folder);

        var valRoles = Roles(valRows, valFolder);
        var role = valRoles.Contains(SplitRole.Validation) ? SplitRole.Validation : SplitRole.Train;
        var validation = Ordered(valRows, valRoles, role, valFolder).Where(r => valRows[r].View == 0).ToList();
        RequireRows(valRows, validation, valFolder, "validate");

        var known = Classes(rows, train);
        var judged = Classes(valRows, validation);
        if (judged.Except(known).FirstOrDefault() is { } unknown)
            throw new CommandException($"{valFolder} has the class '{unknown}', which {folder} doesn't ({string.Join(", ", known)}): " +
                "classes are matched by name. Rename or remove it.");
        var notes = new List<string>();
        NoteMissingClasses(sources, rows, train, notes);
        if (known.Except(judged).ToList() is { Count: > 0 } missing)
            notes.Add($"{valFolder} has no images of {string.Join(", ", missing)}.");
        var trained = train.Select(r => rows[r].Sha256).ToHashSet(StringComparer.Ordinal);
        NoteSharedImages(valRows, validation, trained, notes);
        NoteRepeatedImages(sources, notes);
        NoteLoneImages(rows, train, notes);
        return new RowSplit(train, validation, $"from {valFolder}", notes)
        {
            TrainImages = ImageViews.Of(rows, train, SourceOf(sources)).Images.Count,
        };
    }

    /// <summary>Whether the split column says which rows validate, so that none are drawn.</summary>
    public static bool NamesValidation(IReadOnlyList<CacheRow> rows) =>
        rows.Any(r => r.Split?.ToLowerInvariant() is "val" or "valid" or "validation");

    /// <summary>All rows that may train or validate, in order: what cross-validation divides.</summary>
    /// <exception cref="CommandException">As of <c>Of</c>.</exception>
    public static IReadOnlyList<int> Pool(IReadOnlyList<CacheRow> rows, string folder)
    {
        // Which of them were to validate is forgotten here.
        var roles = Array.ConvertAll(Roles(rows, folder), r => r == SplitRole.Validation ? SplitRole.Train : r);
        var pool = Ordered(rows, roles, SplitRole.Train, folder);
        RequireRows(rows, pool, folder, "train");
        RequireTwoClasses(rows, pool, folder);
        return pool;
    }

    /// <summary>The classes of the rows, in ordinal order.</summary>
    public static IReadOnlyList<string> Classes(IReadOnlyList<CacheRow> rows, IEnumerable<int> chosen) =>
        [.. chosen.Select(r => rows[r].Label!).Distinct().Order(StringComparer.Ordinal)];

    private static (IReadOnlyList<CacheRow> Rows, SplitRole[] Roles, string Folder) Join(IReadOnlyList<RowSource> sources) => (
        sources is [var only] ? only.Rows : [.. sources.SelectMany(s => s.Rows)],
        [.. sources.SelectMany(s => Roles(s.Rows, s.Folder))],
        string.Join(", ", sources.Select(s => s.Folder)));

    // A row's source, by its number.
    private static Func<int, int> SourceOf(IReadOnlyList<RowSource> sources)
    {
        var of = sources.SelectMany((s, i) => Enumerable.Repeat(i, s.Rows.Count)).ToArray();
        return row => of[row];
    }

    /// <summary>What each row is for; all train where none has a split.</summary>
    /// <exception cref="CommandException">An unknown split, or rows with one and rows without.</exception>
    internal static SplitRole[] Roles(IReadOnlyList<CacheRow> rows, string folder)
    {
        var hasColumn = rows.Any(r => r.Split is not null);
        return [.. rows.Select(r => hasColumn ? Role(r, folder) : SplitRole.Train)];
    }

    private static SplitRole Role(CacheRow row, string folder) => row.Split?.ToLowerInvariant() switch
    {
        "train" => SplitRole.Train,
        "val" or "valid" or "validation" => SplitRole.Validation,
        "test" => SplitRole.Test,
        null => throw new CommandException(
            $"{folder}: {row.Path} has no split, but other images have. Give every image one (train, val, test), or none."),
        _ => throw new CommandException(
            $"{folder}: {row.Path} has the split '{row.Split}'. There are train, val (valid, validation) and test."),
    };

    private static List<int> Ordered(IReadOnlyList<CacheRow> rows, SplitRole[] roles, SplitRole role, string folder)
    {
        var chosen = Enumerable.Range(0, rows.Count).Where(r => roles[r] == role).ToList();
        var unlabelled = chosen.Where(r => rows[r].Label is null).ToList();
        if (unlabelled.Count > 0)
        {
            throw new CommandException(
                $"{folder}: {unlabelled.Count:N0} of {chosen.Count:N0} rows have no label, {rows[unlabelled[0]].Path} first. " +
                "Extract from folders named after the classes, or from a CSV with a label column.");
        }

        return [.. chosen.OrderBy(r => rows[r].Path, StringComparer.Ordinal).ThenBy(r => rows[r].View)];
    }

    private static void RequireRows(IReadOnlyList<CacheRow> rows, List<int> chosen, string folder, string purpose)
    {
        if (chosen.Count == 0)
            throw new CommandException(
                $"{folder} has no rows to {purpose} with: its splits are {Names(rows)}. The test split is never used here.");
    }

    private static void RequireTwoClasses(IReadOnlyList<CacheRow> rows, List<int> train, string folder)
    {
        if (Classes(rows, train) is [var only])
            throw new CommandException(
                $"{folder} has one class only, '{only}': there is nothing to tell apart. Add images of another class.");
    }

    private static void RequireKnownClasses(IReadOnlyList<CacheRow> rows, List<int> train, List<int> validation, string folder)
    {
        var known = Classes(rows, train);
        if (Classes(rows, validation).Except(known).FirstOrDefault() is { } unknown)
            throw new CommandException($"{folder}: class '{unknown}' is in the validation split but not in the training split " +
                $"({string.Join(", ", known)}). Move images of it there.");
    }

    private static void NoteSharedImages(IReadOnlyList<CacheRow> rows, List<int> validation, HashSet<string> trained, List<string> notes)
    {
        var shared = validation.Where(r => rows[r].View == 0 && trained.Contains(rows[r].Sha256)).ToList();
        if (shared.Count > 0)
            notes.Add($"{shared.Count:N0} validation images are in the training split too, byte for byte ({rows[shared[0]].Path} first): " +
                "the figures flatter.");
    }

    // Of several caches that train: classes are matched by name, so a misspelt one would quietly become a class of its own.
    private static void NoteMissingClasses(
        IReadOnlyList<RowSource> sources, IReadOnlyList<CacheRow> rows, List<int> train, List<string> notes)
    {
        var all = Classes(rows, train);
        var sourceOf = SourceOf(sources);
        foreach (var ofSource in train.GroupBy(sourceOf).OrderBy(g => g.Key))
        {
            if (all.Except(Classes(rows, ofSource)).ToList() is { Count: > 0 } missing)
                notes.Add($"{sources[ofSource.Key].Folder} has no images of {string.Join(", ", missing)} to train on.");
        }

        foreach (var unused in Enumerable.Range(0, sources.Count).Except(train.Select(sourceOf).Distinct()))
            notes.Add($"{sources[unused].Folder} has no images to train on.");
    }

    private static void NoteRepeatedImages(IReadOnlyList<RowSource> sources, List<string> notes)
    {
        var repeated = sources.SelectMany((s, i) => s.Rows.Where(r => r.View == 0).Select(r => (Row: r, Source: i)))
            .GroupBy(r => r.Row.Sha256, StringComparer.Ordinal)
            .Where(g => g.Select(r => r.Source).Distinct().Count() > 1)
            .ToList();
        if (repeated.Count > 0)
        {
            notes.Add($"{repeated.Count:N0} images are in more than one cache, byte for byte ({repeated[0].First().Row.Path} first): " +
                "each counts as often as it is there, " +
                "and a split that is drawn keeps them together.");
        }
    }

    private static void NoteLoneImages(IReadOnlyList<CacheRow> rows, IReadOnlyList<int> train, List<string> notes)
    {
        foreach (var lone in train.GroupBy(r => rows[r].Label, StringComparer.Ordinal)
            .Where(g => g.Select(r => rows[r].Sha256).Distinct().Count() == 1))
            notes.Add($"{lone.Key} has one image to train on: little can be learnt of it.");
    }

    private static void NoteConflictingLabels(IReadOnlyList<CacheRow> rows, IReadOnlyList<int> chosen, List<string> notes)
    {
        var conflicts = chosen.GroupBy(r => rows[r].Sha256, StringComparer.Ordinal)
            .Where(g => g.Select(r => rows[r].Label).Distinct().Count() > 1).ToList();
        if (conflicts.Count > 0)
            notes.Add($"{conflicts.Count:N0} images are there under two labels, byte for byte ({rows[conflicts[0].First()].Path} first): " +
                "one of them is wrong.");
    }

    private static string Names(IReadOnlyList<CacheRow> rows) =>
        string.Join(", ", rows.Select(r => $"'{r.Split}'").Distinct().Order(StringComparer.Ordinal)) is { Length: > 0 } names
            ? names
            : "none";
}

/// <summary>What a row of a cache is for.</summary>
internal enum SplitRole
{
    Train,
    Validation,
    Test,
}

/// <summary>The rows of one of several caches.</summary>
/// <param name="Folder">The cache, for messages.</param>
internal sealed record RowSource(string Folder, IReadOnlyList<CacheRow> Rows);
