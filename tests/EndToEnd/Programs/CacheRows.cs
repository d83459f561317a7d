using DuckDB.NET.Data;

namespace Headstart.Tests.Programs;

/// <summary>The rows of caches, as DuckDB reads them.</summary>
internal static class CacheRows
{
    /// <summary>Fails the test unless both caches hold these many rows, equal in every value of every column.</summary>
    public static async Task AssertEqual(string expected, string actual, int rows)
    {
        Assert.Equal((long)rows, await Query($"select count(*) from '{expected}/*.parquet'"));
        Assert.Equal((long)rows, await Query($"select count(*) from '{actual}/*.parquet'"));
        Assert.Equal(
            0L, await Query($"select count(*) from (select * from '{expected}/*.parquet' except select * from '{actual}/*.parquet')"));
        Assert.Equal(
            0L, await Query($"select count(*) from (select * from '{actual}/*.parquet' except select * from '{expected}/*.parquet')"));
    }

    /// <summary>The first value of a query's answer.</summary>
    public static async Task<object?> Query(string sql)
    {
        await using var connection = new DuckDBConnection("DataSource=:memory:");
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        return await command.ExecuteScalarAsync(TestContext.Current.CancellationToken);
    }
}
