using CsCheck;
using Headstart.Cache.Parquet;

namespace Headstart.Tests.Cache;

/// <summary>Headers written out by hand from the format's parquet.thrift and the description of Thrift's compact protocol.</summary>
public sealed class PageHeaderTests
{
    // Fields 1 to 3: kind of page, sizes (zigzag numbers). The data page's fields: values, encoding, encodings of both levels.
    private const string Sizes = "1500" + "15C2DFFB1F" + "15F2EAEA03";
    private const string Page = "1580F0FE07" + "1500" + "1506" + "1506";
    private const string Statistics = "1C" + "1804DB090244" + "180400000000" + "1600" + "2804DB090244" + "180400000000" + "00";
    private const string Map = "4B" + "02" + "58" + "020161" + "040162" + "1B00";
    private const string Lists = "19" + "21" + "0102" + "1A" + "35" + "020406" + "19" + "F3" + "02" + "0708";
    private const string Others = "11" + "12" + "1305" + "170000000000000000" + "1C150200";

    [Theory]
    [InlineData(Sizes + "2C" + Page + "00" + "00")]
    [InlineData(Sizes + "2C" + Page + Statistics + "00" + "00")]
    [InlineData(Sizes + "152A" + "1C" + Page + "00" + "00")] // with a checksum
    [InlineData("050200" + "0504C2DFFB1F" + "0506F2EAEA03" + "0C0A" + Page + "00" + "00")] // every field with its number
    [InlineData(Sizes + "2C" + Page + "00" + Map + Lists + Others + "00")] // fields that are still to be invented
    public void A_data_page_is_understood_and_what_stands_beside_it_passed_over(string hex)
    {
        var bytes = Convert.FromHexString(hex);

        var header = PageHeader.Read([.. bytes, 0x28, 0xB5], out var length);

        Assert.Equal(bytes.Length, length);
        Assert.Equal(new PageHeader(PageKind.Values, 33_519_585, 4_020_921, 8_379_392), header);
        for (var end = 0; end < bytes.Length; end++)
            Assert.Throws<InvalidDataException>(() => PageHeader.Read(bytes.AsSpan(0, end), out _));
    }

    [Fact]
    public void A_header_is_written_as_the_format_says() =>
        Assert.Equal(Sizes + "2C" + Page + "00" + "00",
            Convert.ToHexString(new PageHeader(PageKind.Values, 33_519_585, 4_020_921, 8_379_392).ToBytes()));

    [Theory]
    [InlineData("1504" + "1502" + "1502" + "00")] // a dictionary that says nothing of itself
    [InlineData("1506" + "1502" + "1502" + "5C" + "00" + "00")] // a data page of the second version
    [InlineData("1500" + "1502" + "1502" + "00")] // nothing about its data
    [InlineData(Sizes + "2C" + "1580F0FE07" + "1504" + "1506" + "1506" + "00" + "00")] // an encoding that is not ours
    public void Other_pages_are_none_of_ours(string hex) =>
        Assert.Equal(PageKind.Other, PageHeader.Read(Convert.FromHexString(hex), out _).Kind);

    [Theory]
    [InlineData("1504" + "158010" + "152C" + "4C" + "158004" + "1500" + "00" + "00", PageKind.Dictionary, 1024, 22, 256)]
    [InlineData("1500" + "158010" + "152C" + "2C" + "158004" + "1510" + "1506" + "1506" + "00" + "00", PageKind.Indices, 1024, 22, 256)]
    internal void Bytes_have_a_dictionary_and_indices_into_it(string hex, PageKind kind, int uncompressed, int compressed, int values)
    {
        var header = new PageHeader(kind, uncompressed, compressed, values);

        Assert.Equal(header, PageHeader.Read(Convert.FromHexString(hex), out _));
        Assert.Equal(hex, Convert.ToHexString(header.ToBytes()));
    }

    [Fact]
    public void Whatever_the_bytes_the_header_ends_within_them_or_is_damage()
    {
        var likely = Gen.OneOf(Gen.Byte, Gen.Int[0, 5].Select(i => (byte)(0xFF1B191C1500 >> (8 * i))));
        likely.Array[0, 60].Sample(bytes =>
        {
            try
            {
                _ = PageHeader.Read(bytes, out var length);
                Assert.InRange(length, 1, bytes.Length);
            }
            catch (InvalidDataException)
            {
                // Damage.
            }
        }, iter: 20_000, threads: 1);
        Assert.Throws<InvalidDataException>(() => PageHeader.Read(Enumerable.Repeat((byte)0x6C, 100_000).ToArray(), out _));
        Assert.Throws<InvalidDataException>(() => PageHeader.Read(Enumerable.Repeat((byte)0x19, 100_000).ToArray(), out _));
    }
}
