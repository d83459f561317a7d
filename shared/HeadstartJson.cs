using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Headstart;

/// <summary>How Headstart writes and reads JSON: in contracts, run files and on standard output.</summary>
public static class HeadstartJson
{
    /// <summary>One line; camelCase names; enums in kebab-case; floats in their shortest form that reads back to the same bits.</summary>
    /// <remarks>
    /// Reads what an older or newer version wrote: names that it doesn't know are skipped, missing ones take their default.
    /// </remarks>
    public static JsonSerializerOptions Compact { get; } = Create(indented: false, JsonUnmappedMemberHandling.Skip);

    /// <summary><see cref="Compact"/> with line breaks, for files that people open.</summary>
    public static JsonSerializerOptions Indented { get; } = Create(indented: true, JsonUnmappedMemberHandling.Skip);

    /// <summary>
    /// <see cref="Compact"/> for files that people write by hand: a name that nobody knows is an error, because it is mostly a slip.
    /// </summary>
    public static JsonSerializerOptions Strict { get; } = Create(indented: false, JsonUnmappedMemberHandling.Disallow);

    private static JsonSerializerOptions Create(bool indented, JsonUnmappedMemberHandling unknown)
    {
        var options = new JsonSerializerOptions(JsonSerializerDefaults.Web)
        {
            WriteIndented = indented,
            NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
            UnmappedMemberHandling = unknown,
            RespectNullableAnnotations = true,
            RespectRequiredConstructorParameters = true,
            DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        };
        options.Converters.Add(new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower, allowIntegerValues: false));
        options.MakeReadOnly(populateMissingResolver: true);
        return options;
    }
}
