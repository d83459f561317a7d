namespace Headstart.Images;

/// <summary>One image of a picture set, not yet opened.</summary>
/// <param name="Path">Relative to the set's root, with <c>/</c> separators: its name in the cache.</param>
/// <param name="File">Where the file is.</param>
/// <param name="Label">The class, or null.</param>
/// <param name="Split"><c>train</c>, <c>val</c>, ... as found, or null.</param>
public sealed record ImageItem(string Path, string File, string? Label, string? Split);
