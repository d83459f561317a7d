using Headstart.Images;

namespace Headstart.Extraction.Runtime;

/// <summary>A row that a cache is to have: one view of one image.</summary>
/// <param name="Item">The image.</param>
/// <param name="View">0 for the plain image, 1..K for augmented views.</param>
internal readonly record struct PlannedRow(ImageItem Item, int View);
