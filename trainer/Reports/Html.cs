using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Encodings.Web;

namespace Headstart.Trainer.Reports;

/// <summary>
/// Text that is HTML. What interpolation puts into it is escaped, unless it is HTML itself: names of classes and files can hold anything.
/// </summary>
/// <example><c>Html line = $"&lt;p&gt;{path}&lt;/p&gt;";</c></example>
[InterpolatedStringHandler]
internal readonly struct Html
{
    private readonly StringBuilder? _text;

    public Html(int literalLength, int formattedCount) => _text = new StringBuilder(literalLength + (16 * formattedCount));

    /// <param name="html">Is HTML already.</param>
    public Html(string html) => _text = new StringBuilder(html);

    public static Html Join(IEnumerable<Html> parts)
    {
        var all = new Html("");
        foreach (var part in parts)
            all.AppendFormatted(part);
        return all;
    }

    public void AppendLiteral(string html) => _text!.Append(html);

    public void AppendFormatted(Html html) => _text!.Append(html._text);

    public void AppendFormatted(IEnumerable<Html> parts) => AppendFormatted(Join(parts));

    public void AppendFormatted(string? text) => _text!.Append(HtmlEncoder.Default.Encode(text ?? ""));

    public void AppendFormatted<T>(T value, string? format = null)
        where T : IFormattable => AppendFormatted(value.ToString(format, CultureInfo.InvariantCulture));

    public override string ToString() => _text?.ToString() ?? "";
}
