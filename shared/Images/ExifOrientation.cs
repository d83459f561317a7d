namespace Headstart.Images;

/// <summary>What becomes of the rotation that a camera noted in the file.</summary>
public enum ExifOrientation
{
    /// <summary>Pixels stay as they are stored, as Keras and torchvision leave them.</summary>
    Ignore,

    /// <summary>Pixels are turned upright.</summary>
    Honour,
}
