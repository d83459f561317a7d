using System.Globalization;

namespace Headstart.Trainer.Reports;

/// <summary>A page that is one file: style and pictures inside, nothing fetched, no script; for phones and for the dark too.</summary>
internal static class ReportPage
{
    // Cells of so many letters are not squeezed into a column of single words.
    private const int ShortestText = 20;
    private const string Style = """
        :root { color-scheme: light dark; --paper: #fff; --card: #f6f7f9; --ink: #1b1f24; --soft: #5c6570; --line: #d5dae0;
          --first: #1f6feb; --second: #c2410c; --good: #15803d; --bad: #b91c1c; }
        @media (prefers-color-scheme: dark) { :root { --paper: #14171c; --card: #1d2127; --ink: #e6e9ee; --soft: #9aa4b0; --line: #373e48;
          --first: #6ea8ff; --second: #fb923c; --good: #4ade80; --bad: #f87171; } }
        * { box-sizing: border-box; }
        body { margin: 0 auto; max-width: 72rem; padding: 1rem; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
        h1 { font-size: 1.5rem; line-height: 1.25; margin: .5rem 0; }
        h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; }
        h1, h2, p, figcaption, code, .facts td { overflow-wrap: anywhere; }
        time, .number, small { white-space: nowrap; }
        p { margin: .4rem 0; max-width: 46rem; }
        .soft, figcaption, th { color: var(--soft); }
        .note { border-left: 4px solid var(--second); padding: .2rem .8rem; background: var(--card); }
        .figures { display: grid; grid-template-columns: repeat(auto-fill, minmax(max(9.5rem, min(15rem, 23%)), 1fr)); gap: .6rem; margin: 1rem 0; padding: 0; }
        .figures div { background: var(--card); border-radius: .5rem; padding: .6rem .8rem; }
        .figures b { display: block; font-size: 1.35rem; font-variant-numeric: tabular-nums; }
        small { font-size: .8em; font-weight: normal; color: var(--soft); }
        .figures span { color: var(--soft); font-size: .85rem; }
        .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(22rem, 100%), 1fr)); gap: 1rem; }
        .charts > figure:only-child { max-width: 36rem; }
        figure { margin: 0; background: var(--card); border-radius: .5rem; padding: .6rem; min-width: 0; }
        figure svg { display: block; width: 100%; height: auto; }
        figcaption { font-size: .85rem; padding: .2rem .2rem 0; }
        .pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: .8rem; }
        .pictures figcaption { font-size: .78rem; }
        .pictures figure > div { display: flex; gap: .3rem; }
        .pictures figure > div img { min-width: 0; flex: 1; }
        @media (min-width: 24rem) { .pictures .pair { grid-column: span 2; } }
        .pictures img { width: 100%; aspect-ratio: 1; object-fit: contain; background: var(--paper); border-radius: .3rem; }
        .wide { overflow-x: auto; }
        .charts + .wide { margin-top: 1rem; }
        table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
        td, th { text-align: left; vertical-align: top; padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line); font-weight: normal; }
        td { min-width: 4rem; }
        .text { min-width: 12rem; }
        @media (max-width: 30rem) { table { font-size: .85rem; } td, th { min-width: 0; padding-right: .5rem; } figure:not(#confusion) svg text { font-size: 15.5px; } }
        pre { background: var(--card); border-radius: .5rem; padding: .8rem; white-space: pre-wrap; overflow-wrap: anywhere; }
        code, pre { font: .9rem/1.5 ui-monospace, monospace; }
        """;

    /// <param name="title">Of the window, without markup.</param>
    /// <param name="body">The rest.</param>
    public static string Of(string title, Html body)
    {
        Html page = $"""
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>{title}</title>
            <link rel="icon" href="data:,">
            <style>{new Html(Style)}</style>
            </head>
            <body>
            {body}
            </body>
            </html>

            """;
        return page.ToString();
    }

    public static Html Section(string heading, Html body) => $"<section><h2>{heading}</h2>\n{body}</section>\n";

    /// <summary>A row of numbers that are to be seen first.</summary>
    public static Html Figures(IEnumerable<(string Name, string Value)> figures) =>
        $"<div class=\"figures\">{figures.Select(Figure)}</div>\n";

    /// <summary>Names on the left, values on the right.</summary>
    public static Html Facts(IEnumerable<(string Name, string Value)> facts) =>
        $"<div class=\"wide\"><table class=\"facts\">{facts.Select(Fact)}</table></div>\n";

    /// <summary>A table; the first of the rows is its head.</summary>
    public static Html Table(IReadOnlyList<string> head, IEnumerable<IReadOnlyList<string>> rows) =>
        $"<div class=\"wide\"><table><thead>{Row(head, "th")}</thead><tbody>{rows.Select(r => Row(r, "td"))}</tbody></table></div>\n";

    private static Html Figure((string Name, string Value) figure) => $"<div><b>{Value(figure.Value)}</b><span>{figure.Name}</span></div>";

    private static Html Fact((string Name, string Value) fact) => $"<tr><th>{fact.Name}</th><td>{fact.Value}</td></tr>\n";

    private static Html Row(IReadOnlyList<string> cells, string tag)
    {
        var name = new Html(tag);
        return $"<tr>{cells.Select(c => (Html)$"<{name}{Kind(c)}>{Value(c)}</{name}>")}</tr>\n";
    }

    private static Html Kind(string cell) => new(
        IsNumber(cell)
            ? " class=\"number\""
            : cell.Length >= ShortestText && cell.Contains(' ', StringComparison.Ordinal) ? " class=\"text\"" : "");

    // What follows a number, "(0.98-1.00)" or "± 0.01", is smaller, and stays in one piece where a narrow column divides the two.
    private static Html Value(string text)
    {
        var cut = text.IndexOfAny(['(', '\u00b1']);
        if (cut > 0 && IsNumber(text[..cut]))
            return $"{text[..cut]}<small>{text[cut..]}</small>";
        return $"{text}";
    }

    private static bool IsNumber(string text) => double.TryParse(text, CultureInfo.InvariantCulture, out _);
}
