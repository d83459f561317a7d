using System.Text.RegularExpressions;
using Headstart.Tests.Programs;

namespace Headstart.Tests.Documentation;

/// <summary>The README's commands exist and parse, and its links lead somewhere.</summary>
public sealed partial class ReadmeTests
{
    private static readonly string Readme = File.ReadAllText(Path.Combine(Repository.Root, "README.md"));

    public static TheoryData<string> Commands =>
        [.. CodeBlock().Matches(Readme).SelectMany(m => m.Groups["code"].Value.Split('\n'))
            .Select(line => line.StartsWith("$ ", StringComparison.Ordinal) ? line[2..] : line)
            .Where(line => line.StartsWith("extractor ", StringComparison.Ordinal) || line.StartsWith("trainer ", StringComparison.Ordinal))
            .Distinct()];

    public static TheoryData<string> Paths =>
        [.. Link().Matches(Readme).Select(m => m.Groups["path"].Value).Concat(Script().Matches(Readme).Select(m => m.Groups["path"].Value))
            .Distinct()];

    [Theory]
    [MemberData(nameof(Commands))]
    public async Task A_command_of_the_README_parses(string command)
    {
        using var folder = new TemporaryFolder();
        var words = Word().Matches(command).Select(m => m.Value.Trim('"')).ToArray();

        // Its files are not here, so it fails; but not for its usage.
        await using var program = RunningProgram.Start(RunningProgram.Executable(words[0]), words[1..], folder.Path);
        var run = await program.Ended();

        Assert.True(run.ExitCode is 0 or 1, run.Everything);
    }

    [Fact]
    public void The_README_has_commands_of_both_programs()
    {
        Assert.Contains(Commands, c => c.Data.StartsWith("extractor extract ", StringComparison.Ordinal));
        Assert.Contains(Commands, c => c.Data.StartsWith("trainer train ", StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public void A_link_or_script_of_the_README_is_there(string path) => Assert.True(Path.Exists(Path.Combine(Repository.Root, path)), path);

    [GeneratedRegex(@"^```\w*\n(?<code>.*?)^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex CodeBlock();

    [GeneratedRegex(@"\]\((?<path>(?!http)[^)#]+)")]
    private static partial Regex Link();

    [GeneratedRegex(@"\./(?<path>scripts/[\w.-]+)")]
    private static partial Regex Script();

    [GeneratedRegex("\"[^\"]*\"|\\S+")]
    private static partial Regex Word();
}
