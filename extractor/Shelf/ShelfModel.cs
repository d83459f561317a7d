using System.Text.Json.Serialization;
using Headstart.Extraction.Import;
using Headstart.Models;

namespace Headstart.Extraction.Shelf;

/// <summary>One model of the shelf: where its weights are, under which terms, and how they are to be used.</summary>
/// <param name="Name">What <c>model fetch</c> is given, such as <c>vgg16</c>.</param>
/// <param name="Title">A line for people.</param>
/// <param name="Addresses">Where the same bytes lie; the first is tried first.</param>
/// <param name="File">What the file is called once it is here.</param>
/// <param name="License">The line that is printed before anything is fetched.</param>
/// <param name="LicenseSource">Where that is said.</param>
/// <param name="Preset">The preprocessing that belongs to these weights.</param>
/// <param name="Architecture">Such as <c>vgg16</c>.</param>
/// <param name="Layers">The layers of the model file, shallow first.</param>
/// <param name="Checksum">Of the whole file, where its source publishes one; never one of our own making.</param>
/// <param name="Megabytes">The size of the whole file as its source shows it, rounded; only to tell people.</param>
internal sealed record ShelfModel(
    string Name,
    string Title,
    IReadOnlyList<string> Addresses,
    string File,
    string License,
    string LicenseSource,
    string Preset,
    string Architecture,
    IReadOnlyList<string> Layers,
    PublishedChecksum? Checksum = null,
    int? Megabytes = null)
{
    /// <summary>Whether the base's tensors can be fetched without the rest of the file.</summary>
    [JsonIgnore]
    public bool InTensors => Path.GetExtension(File) == ".safetensors";

    /// <summary>The convolutions that the layers need.</summary>
    /// <exception cref="CommandException">The architecture has no such layer.</exception>
    public IReadOnlyList<VggConvolution> Convolutions()
    {
        var architecture = VggArchitecture.Named(Architecture);
        return architecture.ConvolutionsUpTo(architecture.LayerNames.LastOrDefault(Layers.Contains) ?? Layers[0]);
    }
}

/// <summary>A checksum that the source of the weights publishes.</summary>
/// <param name="Digest">Lower-case hex.</param>
/// <param name="Source">The page or file that publishes it.</param>
internal sealed record PublishedChecksum(ChecksumAlgorithm Algorithm, string Digest, string Source)
{
    /// <summary>As people write it.</summary>
    [JsonIgnore]
    public string Name => Algorithm == ChecksumAlgorithm.Md5 ? "MD5" : "SHA-256";

    /// <summary>The one of a file's digests that can be compared with this one.</summary>
    public string Of(FileDigests digests) => Algorithm == ChecksumAlgorithm.Md5 ? digests.Md5 : digests.Sha256;
}

internal enum ChecksumAlgorithm
{
    /// <summary>Finds damage, not malice: all that Keras publishes.</summary>
    Md5,
    Sha256,
}
