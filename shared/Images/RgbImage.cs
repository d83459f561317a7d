namespace Headstart.Images;

/// <summary>A decoded image: 8-bit RGB, H x W x 3, row-major, without padding.</summary>
/// <param name="Width">In pixels.</param>
/// <param name="Height">In pixels.</param>
/// <param name="Pixels">Width * Height * 3 bytes; more only where it is a <see cref="PixelBuffer"/>'s, and the rest then means
/// nothing.</param>
public sealed record RgbImage(int Width, int Height, byte[] Pixels);
