namespace Headstart.Preprocessing;

/// <summary>
/// From what the augmented views of images are drawn: the part of the contract that rows with a view above 0 have besides the
/// preprocessing.
/// </summary>
/// <remarks>
/// torchvision's <c>RandomResizedCrop</c>, <c>RandomHorizontalFlip</c> and <c>ColorJitter</c> (without hue), in this order, and then the
/// contract's normalisation. The crop goes straight to Size x Size with the contract's own filter, in place of its resize and crop. Gentler
/// than torchvision's defaults where those serve the training of whole networks: a crop of 8% of a picture often misses what the picture is
/// of, and only a head is there to learn it.
/// </remarks>
public sealed record Augmentation
{
    /// <summary>The user's seed. A view is drawn from it, the image's SHA-256 and the view's number alone.</summary>
    public required long Seed { get; init; }

    /// <summary>The least share of the image's area that a crop covers; the greatest is 1. torchvision's default is 0.08.</summary>
    public double MinimumArea { get; init; } = 0.25;

    /// <summary>A crop's width to height lies between 1 / this and this, uniform in its logarithm. As torchvision's default.</summary>
    public double MaximumAspect { get; init; } = 4.0 / 3;

    /// <summary>The share of views that are mirrored left to right. As torchvision's default.</summary>
    public double Flip { get; init; } = 0.5;

    /// <summary>The factor is drawn from 1 - this to 1 + this.</summary>
    public double Brightness { get; init; } = 0.2;

    /// <inheritdoc cref="Brightness"/>
    public double Contrast { get; init; } = 0.2;

    /// <inheritdoc cref="Brightness"/>
    public double Saturation { get; init; } = 0.2;
}
