using CsCheck;
using Headstart.Trainer.Features;

namespace Headstart.Tests.Features;

public sealed class ZeroSuppressionTests
{
    [Fact]
    public void Every_bit_comes_back_and_zeros_take_a_bit_each()
    {
        var some = Gen.OneOf(Gen.Const(0u), Gen.Const(0u), Gen.Const(0x80000000), Gen.UInt);
        some.Array[0, 300].Sample(bits =>
        {
            var values = Array.ConvertAll(bits, BitConverter.UInt32BitsToSingle);
            var packed = new byte[ZeroSuppression.LongestLength(values.Length)];

            var length = ZeroSuppression.Pack(values, packed);

            Assert.Equal(((bits.Length + 63) / 64 * 8) + (4 * bits.Count(b => b != 0)), length);
            var back = new float[values.Length];
            Array.Fill(back, 7);
            ZeroSuppression.Unpack(packed.AsSpan(0, length), back);
            Assert.Equal(bits, Array.ConvertAll(back, BitConverter.SingleToUInt32Bits));
        });
    }

    [Fact]
    public void What_was_not_packed_from_so_many_values_is_refused()
    {
        var packed = new byte[ZeroSuppression.LongestLength(70)];
        float[] values = [.. Enumerable.Range(0, 70)];
        var length = ZeroSuppression.Pack(values, packed);
        var (other, enough) = (new float[200], packed[..length]);

        for (var cut = 0; cut < length; cut++)
            Assert.Throws<InvalidDataException>(() => ZeroSuppression.Unpack(enough.AsSpan(0, cut), other.AsSpan(0, 70)));
        Assert.Throws<InvalidDataException>(() => ZeroSuppression.Unpack(enough, other.AsSpan(0, 69)));
        Assert.Throws<InvalidDataException>(() => ZeroSuppression.Unpack(enough, other.AsSpan(0, 64)));
        Assert.Throws<InvalidDataException>(() => ZeroSuppression.Unpack(enough, other));
    }
}
