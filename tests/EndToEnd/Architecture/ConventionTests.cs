using System.Text.RegularExpressions;

namespace Headstart.Tests.Architecture;

/// <summary>What makes any line findable from its folder's name, and any class readable alone.</summary>
public sealed partial class ConventionTests
{
    [Fact]
    public void Namespaces_are_folders()
    {
        var sources = SourceFile.OfPrograms().Concat(SourceFile.OfTests()).ToList();

        Assert.True(sources.Count > 20, $"Only {sources.Count} source files found.");
        Assert.Empty(
            from s in sources
            from n in s.Namespaces
            where n != s.ExpectedNamespace
            select $"{s.Path} is in {n} instead of {s.ExpectedNamespace}");
    }

    [Theory]
    [InlineData("shared", "Headstart")]
    [InlineData("extractor", "extractor")]
    [InlineData("trainer", "trainer")]
    public void Classes_are_sealed(string project, string assembly)
    {
        using var built = new BuiltAssembly(Path.Combine(Programs.RunningProgram.OutputOf(project), $"{assembly}.dll"));

        // The compiler makes the class Program of top-level statements open.
        Assert.Empty(built.OpenClasses.Except([".Program"]));
    }

    [Fact]
    public void Lines_have_at_most_140_columns()
    {
        // As .editorconfig says, in characters. Text between three or more quotation marks may be wider: there, a line's end is content.
        var wide = from s in SourceFile.OfPrograms().Concat(SourceFile.OfTests())
                   from line in RawText().Replace(s.Text, Emptied).Split('\n').Index()
                   where line.Item.TrimEnd('\r').Length > 140
                   select $"{s.Path}:{line.Index + 1} has {line.Item.Length} columns: wrap it";

        Assert.Empty(wide);
    }

    [Fact]
    public void Source_files_hold_one_idea()
    {
        // A ceiling for what slips through, not the aim: files here are rarely over 250 lines.
        Assert.Empty(
            from s in SourceFile.OfPrograms()
            let lines = s.Text.Split('\n').Length
            where lines > 400
            select $"{s.Path} has {lines} lines: split it by concept");
    }

    /// <summary>A raw string's marks and line ends without its text, so that lines keep their numbers.</summary>
    private static string Emptied(Match raw) =>
        raw.Groups["marks"].Value + new string('\n', raw.Value.Count(c => c == '\n')) + raw.Groups["marks"].Value;

    [GeneratedRegex("""(?<marks>"{3,}).*?\k<marks>""", RegexOptions.Singleline)]
    private static partial Regex RawText();
}
