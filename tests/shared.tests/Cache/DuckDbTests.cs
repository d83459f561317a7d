using DuckDB.NET.Data;
using Headstart.Cache;
using Headstart.Models;

namespace Headstart.Tests.Cache;

/// <summary>A part that the cache's own code wrote, as a reader sees it that shares nothing with it: DuckDB.</summary>
public sealed class DuckDbTests
{
    // Several rows to a page, one page to a row, and rows that are one value.
    private static readonly ModelLayer[] Layers =
        [new("pool", new LayerShape(512, 7, 7)), new("wide", new LayerShape(300_000, 1, 1)), new("score", new LayerShape(1, 1, 1))];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1)]
    [InlineData(37)]
    public async Task DuckDB_reads_every_bit_of_every_row(int rows)
    {
        using var folder = new TemporaryFolder();
        var random = new Random(3);
        float[][][] features = [.. Enumerable.Range(0, rows).Select(_ => Layers.Select(l => Draw(random, l.Shape.Length)).ToArray())];
        var part = new PartBuilder(CacheSamples.Contract(Layers), rows);
        for (var i = 0; i < rows; i++)
            part.Add(Row(i), [.. features[i].Select(values => (ReadOnlyMemory<float>)values)]);
        await part.WriteAsync(folder.File("part-00000.parquet"), Cancellation);

        await using var connection = new DuckDBConnection("DataSource=:memory:");
        await connection.OpenAsync(Cancellation);
        await using var command = connection.CreateCommand();
        command.CommandText =
            $"select path, label, split, sha256, width, height, \"view\", pool, wide, score from '{folder.File("part-00000.parquet")}'";
        await using var reader = await command.ExecuteReaderAsync(Cancellation);
        for (var i = 0; i < rows; i++)
        {
            Assert.True(await reader.ReadAsync(Cancellation));
            Assert.Equal(
                Row(i), new CacheRow(Text(0)!, Text(1), Text(2), Text(3)!, reader.GetInt32(4), reader.GetInt32(5), reader.GetInt32(6)));
            for (var layer = 0; layer < Layers.Length; layer++)
                Assert.Equal(features[i][layer].Select(BitConverter.SingleToInt32Bits),
                    reader.GetFieldValue<List<float>>(7 + layer).Select(BitConverter.SingleToInt32Bits));
        }

        Assert.False(await reader.ReadAsync(Cancellation));

        string? Text(int column) => reader.IsDBNull(column) ? null : reader.GetString(column);
    }

    private static CacheRow Row(int i) =>
        new($"cats/ü {i}.jpg", i % 3 == 0 ? null : $"label {i % 2}", i % 2 == 0 ? null : "train", new string((char)('a' + (i % 6)), 64),
            100 + i, 200, i % 4);

    // Mostly zeros, as features are, and otherwise any bits.
    private static float[] Draw(Random random, int length) =>
        [.. Enumerable.Range(0, length).Select(
            _ => random.Next(4) == 0 ? BitConverter.Int32BitsToSingle(random.Next(int.MinValue, int.MaxValue)) : 0)];
}
