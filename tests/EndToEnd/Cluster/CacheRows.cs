using DuckDB.NET.Data;

namespace Headstart.Tests.Cluster;

/// <summary>The rows of caches, as DuckDB reads them.</summary>
internal static class CacheRows
{
    /// <summary>Fails the test unless both caches hold these many rows, equal in every value of every column.</summary>
    public static async Task AssertEqual(string expected, string actual, int rows)
    {
        Assert.Equal(rows, await Count($"from '{expected}/*.parquet'"));
        Assert.Equal(rows, await Count($"from '{actual}/*.parquet'"));
        Assert.Equal(0, await Count($"from (select * from '{expected}/*.parquet' except select * from '{actual}/*.parquet')"));
        Assert.Equal(0, await Count($"from (select * from '{actual}/*.parquet' except select * from '{expected}/*.parquet')"));
    }

    private static async Task<long> Count(string from)
    {
        await using var connection = new DuckDBConnection("DataSource=:memory:");
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        await using var command = connection.CreateCommand();
        command.CommandText = $"select count(*) {from}";
        return (long)(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken))!;
    }
}
