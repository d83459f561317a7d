using System.Buffers.Binary;
using global::Parquet.Meta;
using Headstart.Models;

namespace Headstart.Cache.Parquet;

/// <summary>The end of a part file: what Parquet.Net wrote about the small columns, and the layers' columns after them.</summary>
/// <remarks>Field numbers as in the format's parquet.thrift. Parquet.Net keeps its own writing of these structs to itself.</remarks>
internal static class PartFooter
{
    private static readonly byte[] Magic = "PAR1"u8.ToArray();

    /// <summary>The bytes at the end of a Parquet file that are its footer.</summary>
    /// <param name="file">Whole, as just written by Parquet.Net.</param>
    public static int Length(ReadOnlySpan<byte> file) => BinaryPrimitives.ReadInt32LittleEndian(file[^8..]) + 2 * Magic.Length;

    /// <summary>Adds the layers to the schema and to the only row group.</summary>
    /// <param name="columns">One for each layer, in order.</param>
    public static void AddLayers(FileMetaData footer, IReadOnlyList<ModelLayer> layers, IReadOnlyList<ColumnMetaData> columns)
    {
        footer.Schema[0].NumChildren += layers.Count;
        foreach (var (layer, column) in layers.Zip(columns))
        {
            footer.Schema.Add(new SchemaElement
            {
                Name = layer.Name,
                RepetitionType = FieldRepetitionType.OPTIONAL,
                NumChildren = 1,
                ConvertedType = ConvertedType.LIST,
                LogicalType = new LogicalType { LIST = new ListType() },
            });
            footer.Schema.Add(new SchemaElement { Name = "list", RepetitionType = FieldRepetitionType.REPEATED, NumChildren = 1 });
            var isByte = column.Type == global::Parquet.Meta.Type.INT32;
            footer.Schema.Add(new SchemaElement
            {
                Name = "element",
                RepetitionType = FieldRepetitionType.REQUIRED,
                Type = column.Type,
                ConvertedType = isByte ? ConvertedType.UINT_8 : null,
                LogicalType = isByte ? new LogicalType { INTEGER = new IntType { BitWidth = 8, IsSigned = false } } : null,
            });
        }

        var group = footer.RowGroups.Single();
        foreach (var column in columns)
        {
            group.Columns.Add(new ColumnChunk { MetaData = column });
            group.TotalByteSize += column.TotalUncompressedSize;
            group.TotalCompressedSize += column.TotalCompressedSize;
        }
    }

    /// <summary>Writes the footer, its length, and the file's last four bytes.</summary>
    public static void Write(Stream file, FileMetaData footer)
    {
        var thrift = new CompactThriftWriter();
        thrift.Int(1, footer.Version);
        thrift.Structs(2, footer.Schema, e => Write(thrift, e));
        thrift.Long(3, footer.NumRows);
        thrift.Structs(4, footer.RowGroups, g => Write(thrift, g));
        thrift.Structs(5, footer.KeyValueMetadata ?? [], pair =>
        {
            thrift.Text(1, pair.Key);
            thrift.Text(2, pair.Value);
        });
        thrift.Text(6, footer.CreatedBy);
        thrift.End();

        Span<byte> length = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(length, thrift.Bytes.Length);
        file.Write(thrift.Bytes);
        file.Write(length);
        file.Write(Magic);
    }

    private static void Write(CompactThriftWriter thrift, SchemaElement element)
    {
        thrift.Int(1, (int?)element.Type);
        thrift.Int(2, element.TypeLength);
        thrift.Int(3, (int?)element.RepetitionType);
        thrift.Text(4, element.Name);
        thrift.Int(5, element.NumChildren);
        thrift.Int(6, (int?)element.ConvertedType);
        if (element.LogicalType is not { } logical)
            return;

        // Those that the cache's columns have.
        thrift.BeginStruct(10);
        if (logical.STRING is not null)
        {
            thrift.BeginStruct(1);
            thrift.End();
        }
        else if (logical.LIST is not null)
        {
            thrift.BeginStruct(3);
            thrift.End();
        }
        else if (logical.INTEGER is { } integer)
        {
            thrift.BeginStruct(10);
            thrift.SmallInt(1, integer.BitWidth);
            thrift.Flag(2, integer.IsSigned);
            thrift.End();
        }

        thrift.End();
    }

    private static void Write(CompactThriftWriter thrift, RowGroup group)
    {
        thrift.Structs(1, group.Columns, c =>
        {
            thrift.Long(2, c.FileOffset);
            thrift.BeginStruct(3);
            Write(thrift, c.MetaData!);
            thrift.End();
        });
        thrift.Long(2, group.TotalByteSize);
        thrift.Long(3, group.NumRows);
        thrift.Long(5, group.FileOffset);
        thrift.Long(6, group.TotalCompressedSize);
    }

    // Without statistics: parts are small, and nothing looks for a range of paths.
    private static void Write(CompactThriftWriter thrift, ColumnMetaData column)
    {
        thrift.Int(1, (int)column.Type);
        thrift.Ints(2, [.. column.Encodings.Select(e => (int)e)]);
        thrift.Texts(3, column.PathInSchema);
        thrift.Int(4, (int)column.Codec);
        thrift.Long(5, column.NumValues);
        thrift.Long(6, column.TotalUncompressedSize);
        thrift.Long(7, column.TotalCompressedSize);
        thrift.Long(9, column.DataPageOffset);
        thrift.Long(11, column.DictionaryPageOffset);
    }
}
