using System.Globalization;
using System.Text.Json;
using Headstart.Tests.Programs;

namespace Headstart.Tests.Audit;

/// <summary>
/// What an audit finds in 1,400 photographs of cats and dogs by MobileNetV2's features. Extra: skipped where ../shared is missing.
/// </summary>
[Trait("Category", "Slow")]
public sealed class PhotographsTests : IDisposable
{
    private const string Python = "/usr/bin/python3";
    private const int Changed = 100;
    private static readonly string[] Kinds = ["reencoded", "halved", "cropped", "flipped"];
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Most_flipped_labels_stand_at_the_top_of_the_list()
    {
        var pictures = Pictures();
        await ImportAsync();
        for (var seed = 0; seed < 5; seed++)
        {
            var flipped = Drawn(pictures.Count, pictures.Count / 20, seed).Select(i => pictures[i]).ToHashSet(StringComparer.Ordinal);

            // Relabelled images keep their features, so only the first go computes them.
            await ExtractAsync(pictures.Select(p => $"{p},{(flipped.Contains(p) ? Other(Label(p)) : Label(p))}"));
            (await ProgramRun.Trainer("audit", _folder.File("cache"), "--out", _folder.File("audit"), "--seed",
                seed.ToString(CultureInfo.InvariantCulture))).EndedWith(0);

            var first = File.ReadLines(_folder.File("audit", "labels.csv")).Skip(1).Take(flipped.Count).Select(l => l.Split(',')[0]);
            var found = first.Count(flipped.Contains);
            TestContext.Current.SendDiagnosticMessage($"seed {seed}: {found} of {flipped.Count} flipped labels");
            Assert.True(found >= 0.7 * flipped.Count, $"seed {seed}: {found} of {flipped.Count}");
        }
    }

    [Theory]
    [InlineData("mobilenet_v2_1.0_224_notop.onnx")]
    [InlineData("mobilenet_v1_0.25_224.onnx")]
    public async Task Changed_copies_are_found_and_hardly_anything_else(string network)
    {
        Assert.SkipUnless(File.Exists(Python), $"{Python} isn't there.");
        var pictures = Pictures();
        await ImportAsync(network);
        var originals = Drawn(pictures.Count, Changed, seed: 1).Select(i => pictures[i]).ToList();
        var copies = Directory.CreateDirectory(_folder.File("copies")).FullName;
        var change =
            await ProgramRun.Of(Python, [Path.Combine(Repository.Root, "tests/EndToEnd/Audit/change_pictures.py"), copies, .. originals]);
        Assert.SkipUnless(change.ExitCode == 0, $"{Python} can't change pictures: {change.Error.Trim().Split('\n')[^1]}");
        var pictureOf = originals.Select((path, i) => (path, i)).ToDictionary(p => p.path, p => p.i);
        var changed = Directory.GetFiles(copies).Order(StringComparer.Ordinal).ToList();
        foreach (var copy in changed)
            pictureOf[copy] = int.Parse(Path.GetFileNameWithoutExtension(copy).Split('_')[1], CultureInfo.InvariantCulture);
        await ExtractAsync(pictures.Concat(changed).Select(p => $"{p},{Label(pictureOf.TryGetValue(p, out var i) ? originals[i] : p)}"));

        var run = (await ProgramRun.Trainer("audit", _folder.File("cache"), "--out", _folder.File("audit"), "--json")).EndedWith(0);

        var pairs = File.ReadLines(_folder.File("audit", "duplicates.csv")).Skip(1).Select(l => l.Split(','))
            .Select(c => (A: c[3], B: c[6])).ToList();
        var wrong = pairs.Count(p => !(pictureOf.TryGetValue(p.A, out var a) && pictureOf.TryGetValue(p.B, out var b) && a == b));
        var found = Kinds.ToDictionary(kind => kind,
            kind => pairs.Count(p => IsCopy(p.A, kind) && originals.Contains(p.B) || IsCopy(p.B, kind) && originals.Contains(p.A)));
        var threshold = JsonDocument.Parse(run.Output).RootElement.GetProperty("nearThreshold").GetDouble();
        var told = string.Create(CultureInfo.InvariantCulture,
            $"{network}: {string.Join(", ", found)}; {wrong} of {pairs.Count} pairs wrong; threshold {threshold:0.000}");
        TestContext.Current.SendDiagnosticMessage(told);
        Assert.All(Kinds, kind => Assert.True(found[kind] >= 95, told));
        Assert.True(wrong <= 0.02 * pairs.Count, told);

        static bool IsCopy(string path, string kind) => Path.GetFileName(path).StartsWith(kind + "_", StringComparison.Ordinal);
    }

    private static List<string> Pictures() =>
        [.. Directory.GetFiles(SharedMaterial.Find("data/cats-dogs"), "*.jpg", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];

    private static string Label(string path) => Path.GetFileName(Path.GetDirectoryName(path)!);

    private static string Other(string label) => label == "cats" ? "dogs" : "cats";

    // A linear congruential generator's order: the same on every machine.
    private static IEnumerable<int> Drawn(int count, int drawn, int seed)
    {
        var state = (uint)(seed + 1) * 2654435761u;
        return Enumerable.Range(0, count).Select(i => (Key: state = (state * 1664525u) + 1013904223u, i)).OrderBy(d => d.Key).Take(drawn)
            .Select(d => d.i);
    }

    private async Task ImportAsync(string network = "mobilenet_v2_1.0_224_notop.onnx") => (await ProgramRun.Extractor(
        "model", "import", SharedMaterial.Find($"models/{network}"), "--preset", "mobilenet", "--layer", "features", "--out",
        _folder.File("base.onnx"))).EndedWith(0);

    private async Task ExtractAsync(IEnumerable<string> lines)
    {
        await File.WriteAllLinesAsync(_folder.File("pictures.csv"), lines.Prepend("path,label"), TestContext.Current.CancellationToken);
        (await ProgramRun.Extractor(
            "extract", _folder.File("pictures.csv"), "--model", _folder.File("base.onnx"), "--out", _folder.File("cache"))).EndedWith(0);
    }
}
