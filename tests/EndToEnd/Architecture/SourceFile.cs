using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Headstart.Tests.Architecture;

/// <summary>A C# file that somebody wrote.</summary>
/// <param name="Path">From the repository's root, with <c>/</c>.</param>
/// <param name="Text">All of it.</param>
/// <param name="ExpectedNamespace">What its project and folder call for.</param>
internal sealed partial record SourceFile(string Path, string Text, string ExpectedNamespace)
{
    /// <summary>The namespaces that the file declares, usually one.</summary>
    public IReadOnlyList<string> Namespaces => [.. NamespaceDeclaration().Matches(Text).Select(m => m.Groups[1].Value)];

    /// <summary>The folder that it lies in.</summary>
    public string Room => Path[..Path.LastIndexOf('/')];

    /// <summary>The types that it declares at its outermost level.</summary>
    public IReadOnlyList<string> Types => [.. TypeDeclaration().Matches(Text).Select(m => m.Groups[1].Value)];

    /// <summary>The sources of shared, extractor and trainer.</summary>
    public static IEnumerable<SourceFile> OfPrograms() => [.. OfProject("shared"), .. OfProject("extractor"), .. OfProject("trainer")];

    /// <summary>The sources of the tests, the benchmarks and what else lies there.</summary>
    public static IEnumerable<SourceFile> OfTests() =>
        Directory.GetDirectories(System.IO.Path.Combine(Repository.Root, "tests"))
            .Select(d => System.IO.Path.GetRelativePath(Repository.Root, d)).SelectMany(OfProject);

    private static IEnumerable<SourceFile> OfProject(string project)
    {
        var folder = System.IO.Path.Combine(Repository.Root, project);
        foreach (var projectFile in Directory.GetFiles(folder, "*.csproj"))
        {
            var root = XDocument.Load(projectFile).Descendants("RootNamespace").FirstOrDefault()?.Value ?? "Headstart.Tests";
            foreach (var file in Directory.EnumerateFiles(folder, "*.cs", SearchOption.AllDirectories))
            {
                var relative = System.IO.Path.GetRelativePath(folder, file).Replace('\\', '/');
                if (relative.StartsWith("bin/", StringComparison.Ordinal) || relative.StartsWith("obj/", StringComparison.Ordinal))
                    continue;
                yield return new SourceFile(
                    $"{project}/{relative}".Replace('\\', '/'), File.ReadAllText(file), NamespaceOf(root, relative.Split('/')[..^1]));
            }
        }
    }

    private static string NamespaceOf(string root, string[] folders) => string.Join('.', [root, .. folders]);

    [GeneratedRegex(@"^namespace\s+([\w.]+)", RegexOptions.Multiline)]
    private static partial Regex NamespaceDeclaration();

    [GeneratedRegex(
        @"^(?:(?:public|internal|sealed|static|abstract|readonly|partial|unsafe)\s+)*" +
        @"(?:class|struct|record\s+struct|record|interface|enum)\s+(\w+)", RegexOptions.Multiline)]
    private static partial Regex TypeDeclaration();
}
