using System.Globalization;
using System.Xml.Linq;
using OxyPlot;
using OxyPlot.Axes;
using OxyPlot.Legends;

namespace Headstart.Trainer.Reports.Charts;

/// <summary>Plots of OxyPlot as SVG that takes its colours from the page, so that one file serves light and dark.</summary>
internal static class Chart
{
    private const double Width = 480;
    private const double Height = 340;
    private const double FontShare = 0.85;

    // Stand-ins: OxyPlot wants numbers, and the SVG gets the page's variables in their place.
    public static readonly OxyColor First = OxyColor.FromRgb(1, 0, 1);
    public static readonly OxyColor Second = OxyColor.FromRgb(2, 0, 2);
    public static readonly OxyColor Ink = OxyColor.FromRgb(3, 0, 3);
    private static readonly OxyColor Soft = OxyColor.FromRgb(4, 0, 4);
    private static readonly OxyColor Line = OxyColor.FromRgb(5, 0, 5);
    private static readonly (string Number, string Variable)[] Variables =
    [
        ("rgb(1,0,1)", "var(--first)"), ("rgb(2,0,2)", "var(--second)"), ("rgb(3,0,3)", "var(--ink)"), ("rgb(4,0,4)", "var(--soft)"),
        ("rgb(5,0,5)", "var(--line)"),
    ];

    // OxyPlot counts a dash in line widths, SVG in units: as they come, dots and dashes run into each other.
    private static readonly (string Oxy, string Svg)[] Dashes =
        [("stroke-dasharray:1,1", "stroke-dasharray:2,5"), ("stroke-dasharray:4,1", "stroke-dasharray:7,5")];

    /// <summary>An empty plot with two straight axes in the page's colours.</summary>
    public static PlotModel Empty(string x, string y)
    {
        var plot =
            new PlotModel { PlotAreaBorderColor = Line, TextColor = Soft, DefaultFontSize = 16, Padding = new OxyThickness(4, 8, 16, 4) };
        plot.Axes.Add(Axis<LinearAxis>(AxisPosition.Bottom, x));
        plot.Axes.Add(Axis<LinearAxis>(AxisPosition.Left, y));
        return plot;
    }

    /// <summary>Gives an axis a logarithmic scale.</summary>
    public static void MakeLogarithmic(PlotModel plot, int axis) =>
        plot.Axes[axis] = Axis<LogarithmicAxis>(plot.Axes[axis].Position, plot.Axes[axis].Title);

    /// <summary>The names of the series, above the plot where no line runs.</summary>
    public static void AddLegend(PlotModel plot) => plot.Legends.Add(new Legend
    {
        LegendPlacement = LegendPlacement.Outside,
        LegendPosition = LegendPosition.TopCenter,
        LegendOrientation = LegendOrientation.Horizontal,
        LegendTextColor = Ink,
    });

    /// <summary>From 0 to 1, with a little room so that lines on the border are seen whole.</summary>
    public static void UnitRange(PlotModel plot, params int[] axes)
    {
        foreach (var axis in axes)
            (plot.Axes[axis].Minimum, plot.Axes[axis].Maximum) = (-0.02, 1.02);
    }

    /// <param name="plot">Drawn once.</param>
    /// <param name="name">Unique on the page: letters and hyphens.</param>
    /// <param name="caption">Below the plot; also what a screen reader says.</param>
    /// <param name="height">In the units of the plot, which is 480 wide.</param>
    public static Html Figure(PlotModel plot, string name, string caption, double height = Height)
    {
        var svg = XElement.Parse(new SvgExporter { Width = Width, Height = height, IsDocument = false }.ExportToString(plot));
        foreach (var attribute in svg.DescendantsAndSelf().Attributes().ToList())
            attribute.Value = Recoloured(attribute, name);
        foreach (var text in svg.Descendants().Where(e => e.Name.LocalName == "text").ToList())
        {
            // OxyPlot leaves room as for Arial, and clips what is longer; the page's font can be wider.
            text.Remove();
            svg.Add(text);
            text.SetAttributeValue("font-family", "inherit");
            text.SetAttributeValue("font-size", FontShare * (double)text.Attribute("font-size")!);
        }

        svg.SetAttributeValue("width", null);
        svg.SetAttributeValue("height", null);
        svg.SetAttributeValue("viewBox", string.Create(CultureInfo.InvariantCulture, $"0 0 {Width} {height}"));
        svg.SetAttributeValue("role", "img");
        svg.SetAttributeValue("aria-label", caption);
        return $"<figure id=\"{name}\">{new Html(svg.ToString(SaveOptions.DisableFormatting))}<figcaption>{caption}" +
            $"</figcaption></figure>\n";
    }

    private static T Axis<T>(AxisPosition position, string title)
        where T : Axis, new() => new()
        {
            Position = position,
            Title = title,
            TitleColor = Soft,
            TextColor = Soft,
            TicklineColor = Line,
            AxislineColor = Line,
            MajorGridlineStyle = LineStyle.Solid,
            MajorGridlineColor = Line,
            MinorTickSize = 0,
            TickStyle = TickStyle.None,
            AxisTitleDistance = 14,
            MaximumPadding = 0.02,
            MinimumPadding = 0.02,
        };

    // OxyPlot numbers its clip paths from 1 in every plot; on one page they need names of their own.
    private static string Recoloured(XAttribute attribute, string name)
    {
        var value = attribute.Value.Replace("clipPath", $"{name}-clip", StringComparison.Ordinal);
        foreach (var (number, variable) in Variables)
            value = value.Replace(number, variable, StringComparison.Ordinal);
        foreach (var (oxy, dashes) in Dashes)
            value = value.Replace(oxy, dashes, StringComparison.Ordinal);
        return value;
    }
}
