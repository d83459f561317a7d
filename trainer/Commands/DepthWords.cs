using System.Globalization;
using Headstart.CommandLine;
using Headstart.Trainer.Sweeps;

namespace Headstart.Trainer.Commands;

/// <summary>The end of a sweep over depth and rate: the table, and what it says, in lines of at most 80 columns.</summary>
internal sealed class DepthWords(TextWriter output)
{
    // Of more lines than this the best of each depth are shown.
    private const int Shown = 16;
    private const int ShownOfDepth = 3;
    private const int LongestPart = 20;

    public void Write(DepthAdvice advice)
    {
        var table = advice.Table;
        var isRepeated = table.Head.Repeats.Count > 1;
        var shown = table.Rows.Count <= Shown ? table.Rows : BestOfEach(table);
        var width = Math.Max("head alone".Length, shown.Max(r => Part(r).Length));
        output.WriteLine($"depth and rate{(isRepeated ? $"; mean ± sd of {table.Head.Repeats.Count}" : "")}; gain over the head alone ± " +
            "what chance explains");
        output.WriteLine($"{"tuned".PadRight(width)}  {"base at",7} {"head at",7}  {Column("accuracy", isRepeated)}  loss    gain");
        foreach (var row in shown)
        {
            var gain = row.Gain is { } of ? Invariant($"{of.Mean:+0.0000;-0.0000} ±{advice.Widths * of.StandardError:0.0000}") : "";
            var words = Invariant($"{Part(row).PadRight(width)}  {Rate(row.Rate),7} {Rate(row.HeadRate),7}  ") +
                Invariant($"{Column(Accuracy(row), isRepeated)}  {row.Standing.Loss!.Value.Mean:0.0000}  {gain}");
            output.WriteLine(words.TrimEnd());
        }

        if (shown.Count < table.Rows.Count)
            output.WriteLine($"and {table.Rows.Count - shown.Count} more in {SweepFolder.DepthsName}");
        output.WriteLine();
        WrappedText.Write(output, "", advice.Text);
        foreach (var note in advice.Notes)
            WrappedText.Write(output, "note: ", note);
        output.WriteLine();
    }

    private static List<DepthRow> BestOfEach(DepthTable table)
    {
        var kept = table.Rows.GroupBy(r => r.Part)
            .SelectMany(g => g.OrderByDescending(r => r.Standing.Accuracy!.Value.Mean).ThenBy(r => r.Standing.Loss!.Value.Mean)
                .Take(ShownOfDepth)).ToHashSet();
        return [.. table.Rows.Where(kept.Contains)];
    }

    private static string Accuracy(DepthRow row) => row.Standing.Accuracy!.Value is { Sd: { } sd } spread
        ? Invariant($"{spread.Mean:0.0000} ±{sd:0.0000}")
        : Invariant($"{row.Standing.Accuracy.Value.Mean:0.0000}");

    private static string Column(string text, bool isRepeated) => text.PadRight(isRepeated ? 14 : 8);

    private static string Part(DepthRow row) =>
        row.Part is { Length: > LongestPart } part ? string.Concat("..", part.AsSpan(part.Length - LongestPart + 2)) : row.Part;

    private static string Rate(double? rate) => rate is { } of ? of.ToString("0.##e-0", CultureInfo.InvariantCulture) : "-";

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
