using System.Text.RegularExpressions;

namespace Headstart.Tests.Architecture;

/// <summary>
/// Rooms are folders, they lie on floors, and a room uses rooms of lower floors alone: so there are no circles, and each can be read
/// without those above it.
/// </summary>
public sealed partial class FloorTests
{
    // From the ground up. A new room gets a floor here and a line in docs/ARCHITECTURE.md.
    private static readonly string[][] Floors =
    [
        ["shared"],
        ["shared/CommandLine", "shared/Images"],
        ["shared/Preprocessing"],
        ["shared/Models"],
        ["shared/Safetensors", "shared/Cache/Parquet"],
        ["shared/Cache"],

        ["extractor/Runtime"],
        ["extractor/Import", "extractor/Planning"],
        ["extractor/Quantization", "extractor/Shelf", "extractor/Demo"],
        ["extractor/Pipeline"],
        ["extractor/Prediction"],
        ["extractor/Commands"],
        ["extractor"],

        ["trainer/Tensors", "trainer/Runtime", "trainer/Native"],
        ["trainer/Evaluation", "trainer/Heads"],
        ["trainer/Reports", "trainer/Features"],
        ["trainer/Reports/Charts", "trainer/Kernels"],
        ["trainer/Training"],
        ["trainer/FineTuning"],
        ["trainer/Runs"],
        ["trainer/Audit", "trainer/Export", "trainer/Sweeps"],
        ["trainer/Commands"],
        ["trainer"],
    ];

    private static readonly Dictionary<string, int> FloorOf =
        Floors.SelectMany((rooms, floor) => rooms.Select(r => (r, floor))).ToDictionary(r => r.r, r => r.floor);

    [Fact]
    public void Every_room_has_a_floor_and_every_floor_its_rooms()
    {
        var rooms = SourceFile.OfPrograms().Select(s => s.Room).Distinct().Order(StringComparer.Ordinal);

        Assert.Equal(FloorOf.Keys.Order(StringComparer.Ordinal), rooms);
    }

    [Fact]
    public void Every_arrow_points_down()
    {
        var sources = SourceFile.OfPrograms().ToList();
        var namespaces = sources.GroupBy(s => s.ExpectedNamespace).ToDictionary(g => g.Key, g => g.First().Room);
        var types =
            sources.GroupBy(s => s.Room).ToDictionary(g => g.Key, g => g.SelectMany(s => s.Types).ToHashSet(StringComparer.Ordinal));
        var arrows = (from source in sources
                      from room in Used(source, namespaces, types)
                      where room != source.Room
                      select (From: source.Room, To: room, source.Path)).ToList();

        Print(arrows.Select(a => (a.From, a.To)));
        Assert.True(arrows.Count > 500, $"Only {arrows.Count} uses of other rooms were found.");
        Assert.Empty(
            from a in arrows where FloorOf[a.To] >= FloorOf[a.From] select $"{a.Path} in {a.From} uses {a.To}, which is no lower floor");
    }

    // A namespace must be named by a using to be seen, but for those that it lies in itself; a room beside it may also be named before a
    // dot.
    private static IEnumerable<string> Used(
        SourceFile source, Dictionary<string, string> namespaces, Dictionary<string, HashSet<string>> types)
    {
        var code = Comment().Replace(source.Text, "");
        var words = Word().Matches(code).Select(m => m.Value).ToHashSet(StringComparer.Ordinal);
        foreach (Match used in Using().Matches(code))
        {
            // A static using and an alias name a type.
            var name = used.Groups[1].Value;
            if (namespaces.TryGetValue(name, out var room) || namespaces.TryGetValue(name[..name.LastIndexOf('.')], out room))
                yield return room;
        }

        foreach (var (name, room) in namespaces)
        {
            var isAround = source.ExpectedNamespace.StartsWith(name + ".", StringComparison.Ordinal);
            var isBeside = name.Contains('.', StringComparison.Ordinal) && room.Split('/')[0] == source.Room.Split('/')[0];
            if (isAround && types[room].Overlaps(words))
                yield return room;
            else if (isBeside && Regex.IsMatch(code, $@"(?<![.\w]){name.Split('.')[^1]}\.[A-Z]")
                && room.Contains('/', StringComparison.Ordinal))
                yield return room;
        }
    }

    private static void Print(IEnumerable<(string From, string To)> arrows)
    {
        var down = arrows.Distinct().ToLookup(a => a.From, a => a.To);
        var lines = Floors.SelectMany(
            (rooms, floor) => rooms.Select(r => $"{floor,2}  {r,-24} -> {string.Join(' ', down[r].OrderBy(t => FloorOf[t]))}"));
        TestContext.Current.TestOutputHelper?.WriteLine(string.Join('\n', lines.Reverse()));
    }

    [GeneratedRegex(@"//[^\n]*")]
    private static partial Regex Comment();

    [GeneratedRegex(@"(?<![.\w])[A-Z]\w*")]
    private static partial Regex Word();

    [GeneratedRegex(@"^using (?:static |\w+ = )?(Headstart[\w.]*);", RegexOptions.Multiline)]
    private static partial Regex Using();
}
