using System.Text.Json;
using System.Text.Json.Serialization;

namespace Headstart.Models;

/// <summary>The shape of one layer's output for one image. A vector of n values is n x 1 x 1.</summary>
[JsonConverter(typeof(LayerShapeConverter))]
public readonly record struct LayerShape(int Channels, int Height, int Width)
{
    /// <summary>The number of float values for one image, C x H x W.</summary>
    public int Length => checked(Channels * Height * Width);

    /// <summary>Whether this is n x 1 x 1.</summary>
    public bool IsVector => Height == 1 && Width == 1;

    public override string ToString() => $"{Channels} x {Height} x {Width}";
}

/// <summary>Writes a shape as <c>[c, h, w]</c>.</summary>
internal sealed class LayerShapeConverter : JsonConverter<LayerShape>
{
    public override LayerShape Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        JsonSerializer.Deserialize<int[]>(ref reader, options) is [> 0 and var c, > 0 and var h, > 0 and var w]
            ? new LayerShape(c, h, w)
            : throw new JsonException("a layer's shape is three positive whole numbers, [c, h, w]");

    public override void Write(Utf8JsonWriter writer, LayerShape value, JsonSerializerOptions options)
    {
        writer.WriteStartArray();
        writer.WriteNumberValue(value.Channels);
        writer.WriteNumberValue(value.Height);
        writer.WriteNumberValue(value.Width);
        writer.WriteEndArray();
    }
}
