using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Headstart.Models;

/// <summary>Little-endian bytes to float32 values, exactly except from float64.</summary>
/// <remarks>Bytes that are left over when the length is no multiple of the element size are ignored; callers check lengths.</remarks>
public static class FloatValues
{
    public static float[] FromFloat32(ReadOnlySpan<byte> bytes) => MemoryMarshal.Cast<byte, float>(bytes).ToArray();

    public static float[] FromFloat16(ReadOnlySpan<byte> bytes)
    {
        var values = new float[bytes.Length / 2];
        for (var i = 0; i < values.Length; i++)
            values[i] = (float)BinaryPrimitives.ReadHalfLittleEndian(bytes[(2 * i)..]);
        return values;
    }

    public static float[] FromBFloat16(ReadOnlySpan<byte> bytes)
    {
        var values = new float[bytes.Length / 2];
        for (var i = 0; i < values.Length; i++)
            values[i] = BitConverter.Int32BitsToSingle(BinaryPrimitives.ReadUInt16LittleEndian(bytes[(2 * i)..]) << 16);
        return values;
    }

    public static float[] FromFloat64(ReadOnlySpan<byte> bytes)
    {
        var values = new float[bytes.Length / 8];
        for (var i = 0; i < values.Length; i++)
            values[i] = (float)BinaryPrimitives.ReadDoubleLittleEndian(bytes[(8 * i)..]);
        return values;
    }
}
