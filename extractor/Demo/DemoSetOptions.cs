namespace Headstart.Extraction.Demo;

/// <summary>
/// Which pictures a demo set holds. Equal options mean equal pictures, so this is also what the set's folder says about itself.
/// </summary>
internal sealed record DemoSetOptions
{
    /// <summary>Raised when the drawing changes, so that pictures of two kinds never end up in one set.</summary>
    public const int CurrentDrawing = 1;

    public int Drawing { get; init; } = CurrentDrawing;

    public int Classes { get; init; } = 2;

    /// <summary>How many of <see cref="DemoClass.All"/> are left out at its beginning.</summary>
    public int Skip { get; init; }

    /// <summary>Pictures of each class, those for validation included.</summary>
    public int PerClass { get; init; } = 200;

    public int Seed { get; init; }

    /// <summary>A quarter, at least one.</summary>
    public int ValidationPerClass => Math.Max(1, PerClass / 4);

    /// <exception cref="CommandException">A number that no set can be drawn with.</exception>
    public void Validate()
    {
        if (Classes < 1 || Classes > DemoClass.All.Count)
            throw CommandException.Usage(
                $"--classes is {Classes}; it can be 1 to {DemoClass.All.Count}: {string.Join(", ", DemoClass.All.Select(c => c.Name))}.");
        if (Skip < 0 || Skip + Classes > DemoClass.All.Count)
            throw CommandException.Usage($"--skip {Skip} leaves {Math.Max(0, DemoClass.All.Count - Math.Max(0, Skip))} of " +
                $"{DemoClass.All.Count} classes, and --classes asks for {Classes}; skip 0 to {DemoClass.All.Count - Classes}.");
        if (PerClass is < 2 or > 100_000)
            throw CommandException.Usage($"--per-class is {PerClass}; it can be 2 (one to train, one to validate) to 100000.");
    }

    /// <summary>All pictures of the set, in a fixed order.</summary>
    public IEnumerable<DemoItem> Items()
    {
        for (var c = Skip; c < Skip + Classes; c++)
        {
            for (var i = 0; i < PerClass; i++)
                yield return new DemoItem(c, i, i < PerClass - ValidationPerClass ? "train" : "val");
        }
    }
}

/// <summary>One picture of a set.</summary>
/// <param name="Class">Position in <see cref="DemoClass.All"/>.</param>
/// <param name="Index">From 0, within the class.</param>
/// <param name="Split"><c>train</c> or <c>val</c>.</param>
internal sealed record DemoItem(int Class, int Index, string Split)
{
    /// <summary>Relative to the set's folder, with <c>/</c>.</summary>
    public string Path => $"{Split}/{DemoClass.All[Class].Name}/{DemoClass.All[Class].Name}-{Index:D5}.jpg";
}
