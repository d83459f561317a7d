using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Headstart.Preprocessing;

/// <summary>The random numbers of one view of one image: the same whatever else is computed, where, when and by how many.</summary>
/// <remarks>
/// Number n (from 0) is the first 8 bytes, big-endian, of the SHA-256 of <c>seed/image's sha256/view/n</c>; its upper 53 bits make a
/// number from 0 to below 1. A few hundred nanoseconds each, for a dozen a view.
/// </remarks>
internal sealed class ViewDraws(long seed, string imageSha256, int view)
{
    private int _drawn;

    /// <summary>A number from 0 to below 1.</summary>
    public double Next()
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"{seed}/{imageSha256}/{view}/{_drawn++}");
        return (BinaryPrimitives.ReadUInt64BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(name))) >> 11) * (1.0 / (1L << 53));
    }

    /// <summary>A number from <paramref name="from"/> to below <paramref name="to"/>.</summary>
    public double Between(double from, double to) => from + ((to - from) * Next());

    /// <summary>A whole number from 0 to below <paramref name="bound"/>.</summary>
    public int Below(int bound) => (int)(Next() * bound);
}
