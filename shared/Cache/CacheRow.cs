namespace Headstart.Cache;

/// <summary>One row of a cache, without its features.</summary>
/// <param name="Path">Relative to the picture set's root, with <c>/</c> separators.</param>
/// <param name="Label">The class, or null where the picture set has none.</param>
/// <param name="Split"><c>train</c>, <c>val</c>, ... as found, or null.</param>
/// <param name="Sha256">Of the image file's bytes, lower-case hex.</param>
/// <param name="Width">Of the decoded image, in pixels.</param>
/// <param name="Height">Of the decoded image, in pixels.</param>
/// <param name="View">0 for the plain image, 1..K for augmented views.</param>
public sealed record CacheRow(string Path, string? Label, string? Split, string Sha256, int Width, int Height, int View);

/// <summary>A run of consecutive rows that are read together.</summary>
/// <param name="PartPath">The Parquet file.</param>
/// <param name="Index">The row group's number in that file.</param>
/// <param name="FirstRow">Its first row, counted over the whole cache.</param>
/// <param name="RowCount">The number of rows in it.</param>
public sealed record CacheRowGroup(string PartPath, int Index, int FirstRow, int RowCount);
