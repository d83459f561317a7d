using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Headstart.Trainer.Features;

/// <summary>
/// Floats without their zeros: for each 64 values a mask of those that are not 0, bit by bit as they come, and then these.
/// </summary>
/// <remarks>
/// What stands behind a ReLU is mostly zeros. It gets about as small as by zstd, which finds little else in floats, for less work: <c>bench
/// reading</c>. The bits of every value are kept: -0 is not a zero here. In the machine's own byte order but for the mask; nobody else
/// reads it.
/// </remarks>
internal static class ZeroSuppression
{
    private const int Group = 64;

    /// <summary>The bytes that so many values take when none of them is 0.</summary>
    public static int LongestLength(int values) => checked((values * sizeof(float)) + ((values + Group - 1) / Group * sizeof(ulong)));

    /// <param name="values">Any number of them.</param>
    /// <param name="packed">As long as <see cref="LongestLength"/> says.</param>
    /// <returns>How many bytes were written.</returns>
    public static int Pack(ReadOnlySpan<float> values, Span<byte> packed)
    {
        var bits = MemoryMarshal.Cast<float, uint>(values);
        var at = 0;
        for (; bits.Length > 0; bits = bits[Math.Min(Group, bits.Length)..])
        {
            var group = bits[..Math.Min(Group, bits.Length)];
            var mask = NonZeros(group);
            BinaryPrimitives.WriteUInt64LittleEndian(packed[at..], mask);
            at += sizeof(ulong);
            var kept = MemoryMarshal.Cast<byte, uint>(packed[at..]);
            var count = 0;
            for (; mask != 0; mask &= mask - 1)
                kept[count++] = group[BitOperations.TrailingZeroCount(mask)];
            at += count * sizeof(uint);
        }

        return at;
    }

    /// <param name="packed">What <see cref="Pack"/> wrote, all of it.</param>
    /// <param name="values">As many as were packed.</param>
    /// <exception cref="InvalidDataException">These are not so many values.</exception>
    public static void Unpack(ReadOnlySpan<byte> packed, Span<float> values)
    {
        var bits = MemoryMarshal.Cast<float, uint>(values);
        bits.Clear();
        for (; bits.Length > 0; bits = bits[Math.Min(Group, bits.Length)..])
        {
            var group = bits[..Math.Min(Group, bits.Length)];
            if (packed.Length < sizeof(ulong))
                throw new InvalidDataException("packed values end too early");
            var mask = BinaryPrimitives.ReadUInt64LittleEndian(packed);
            packed = packed[sizeof(ulong)..];
            var count = BitOperations.PopCount(mask);
            if (packed.Length < count * sizeof(uint) || Group - BitOperations.LeadingZeroCount(mask) > group.Length)
                throw new InvalidDataException("packed values don't fit");
            var kept = MemoryMarshal.Cast<byte, uint>(packed[..(count * sizeof(uint))]);
            packed = packed[(count * sizeof(uint))..];
            for (var i = 0; mask != 0; mask &= mask - 1)
                group[BitOperations.TrailingZeroCount(mask)] = kept[i++];
        }

        if (packed.Length > 0)
            throw new InvalidDataException("packed values go on too long");
    }

    private static ulong NonZeros(ReadOnlySpan<uint> group)
    {
        var mask = 0UL;
        if (group.Length == Group)
        {
            for (var i = 0; i < Group; i += Vector256<uint>.Count)
                mask |= (ulong)(byte)~Vector256.Equals(Vector256.Create(group[i..]), Vector256<uint>.Zero)
                    .ExtractMostSignificantBits() << i;
            return mask;
        }

        for (var i = 0; i < group.Length; i++)
            mask |= (group[i] != 0 ? 1UL : 0) << i;
        return mask;
    }
}
