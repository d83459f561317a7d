using System.Globalization;
using System.Text.Json;
using Headstart.Trainer.Heads;

namespace Headstart.Trainer.Sweeps;

/// <summary>Reads a space file. Every error names the file and the place in it.</summary>
internal sealed class SpaceReader
{
    private static readonly string[] TopNames = ["search", "trials", "seeds", "seed", "eta", "rank", "options"];
    private static readonly string[] RangeNames = ["log", "uniform", "choice"];
    private static readonly JsonDocumentOptions Tolerant =
        new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true, AllowDuplicateProperties = false };

    private readonly string _path;

    private SpaceReader(string path) => _path = path;

    /// <exception cref="CommandException">No such file, no JSON, or not a space.</exception>
    public static SweepSpace Read(string path)
    {
        try
        {
            return Parse(File.ReadAllText(path), path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"--space {path}: {e.Message} docs/SWEEPS.md shows an example.", cause: e);
        }
    }

    /// <param name="json">The content.</param>
    /// <param name="path">The file, for messages.</param>
    /// <exception cref="CommandException">No JSON, or not a space.</exception>
    public static SweepSpace Parse(string json, string path)
    {
        try
        {
            using var document = JsonDocument.Parse(json, Tolerant);
            return new SpaceReader(path).ReadSpace(document.RootElement.Clone());
        }
        catch (JsonException e)
        {
            var reason = e.Message.Split(" LineNumber", 2)[0].TrimEnd('.');
            var place = e.LineNumber is { } line ? $"line {line + 1}, column {e.BytePositionInLine + 1}: " : "";
            throw CommandException.Usage($"{path}: {place}{reason}.");
        }
    }

    private SweepSpace ReadSpace(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object)
            throw Error("", "the file must hold one object, such as {\"options\": {\"lr\": [1e-4, 1e-3]}}.");
        foreach (var property in root.EnumerateObject())
        {
            if (TopNames.Contains(property.Name))
                continue;
            if (SpaceOption.All.Any(o => o.Name == property.Name))
                throw Error(property.Name, $"options go into \"options\": {{\"{property.Name}\": ...}}.");
            throw Error(property.Name,
                $"there is no such key.{NearestNames.DidYouMean(property.Name, TopNames)} There are {string.Join(", ", TopNames)}.");
        }

        if (!root.TryGetProperty("options", out var options) || options.ValueKind != JsonValueKind.Object
            || !options.EnumerateObject().Any())
            throw Error("options", "the file needs an object with at least one option to try, such as {\"lr\": [1e-4, 1e-3]}.");
        var space = new SweepSpace
        {
            Search = Word<SearchKind>(root, "search"),
            Trials = root.TryGetProperty("trials", out _) ? Whole(root, "trials", 0, 1, 1_000_000) : null,
            Seeds = Whole(root, "seeds", 1, 1, 1000),
            Seed = ReadSeed(root),
            Eta = Whole(root, "eta", SweepSpace.DefaultEta, 2, 100),
            Rank = Word<RankKind>(root, "rank"),
            Options = [.. options.EnumerateObject().Select(ReadOption)],
            Source = JsonSerializer.SerializeToElement(root), // without comments
        };
        RequireSense(space);
        return space;
    }

    private void RequireSense(SweepSpace space)
    {
        var range = space.Options.FirstOrDefault(o => o.Values is RangeOfValues).Option;
        if (space.Search == SearchKind.Grid && space.Trials is not null)
            throw Error("trials", "a grid tries every combination. Leave trials out, or draw so many with \"search\": \"random\".");
        if (space.Search == SearchKind.Grid && range is not null)
            throw Error(
                $"options.{range.Name}", "a grid needs a list of values. Give one, or draw from the range with \"search\": \"random\".");
        if (space.Trials is null && (space.Search == SearchKind.Random || range is not null))
            throw Error("trials", "is missing: how many combinations to draw, such as \"trials\": 30.");
        if (space.Search == SearchKind.Halving && space.Varied.Any(o => o.Name == "epochs"))
            throw Error("options.epochs",
                "halving divides the epochs among its rounds by itself: give one number, the most that a trial is trained.");
        if (space.Search != SearchKind.Halving && space.Source.TryGetProperty("eta", out _))
            throw Error("eta", "is for \"search\": \"halving\" alone.");
        if (space.Search == SearchKind.Halving && space.Options.FirstOrDefault(o => o.Option.Part != SpacePart.Head).Option is { } tuning)
            throw Error($"options.{tuning.Name}",
                "halving tries heads alone. Tune with \"search\": \"grid\" or \"random\", after a sweep of heads if there are many.");
        if (!space.Tunes && space.Options.FirstOrDefault(o => o.Option.Part == SpacePart.Tuning).Option is { } idle)
            throw Error($"options.{idle.Name}", "says how a base is tuned, and none is. Add \"unfreeze\": [0, 1], or leave it out.");
        if (space.Options.Count(o => o.Option.Part == SpacePart.Depth) > 1)
            throw Error($"options.{SpaceOption.UnfreezeFrom}", "unfreeze and unfreeze-from both say what is tuned. Keep one of the two.");
        if (space.Tunes && space.Varied.Any(o => o.Name == "seed"))
            throw Error("options.seed",
                "trials that tune are compared on the same images: give one seed, or repeat every trial with \"seeds\": 3.");
        if (space.Seeds > 1 && space.Options.Any(o => o.Option.Name == "seed"))
            throw Error("options.seed", $"\"seeds\": {space.Seeds} gives every trial its seeds already. Keep one of the two.");
    }

    private (SpaceOption Option, SpaceValues Values) ReadOption(JsonProperty property)
    {
        var place = $"options.{property.Name}";
        var option = SpaceOption.All.FirstOrDefault(o => o.Name == property.Name) ?? throw Error(
            place,
            $"there is no such option to try.{NearestNames.DidYouMean(property.Name, SpaceOption.All.Select(o => o.Name))} There are " +
            $"{string.Join(", ", SpaceOption.All.Select(o => o.Name))}.");
        return (option, property.Value.ValueKind switch
        {
            JsonValueKind.Array => Listed(option, property.Value, place),
            JsonValueKind.Object => Range(option, property.Value, place),
            _ => new ListedValues([Value(option, property.Value, place)]),
        });
    }

    private ListedValues Listed(SpaceOption option, JsonElement array, string place)
    {
        var values = array.EnumerateArray().Select((v, i) => Value(option, v, $"{place}[{i}]")).ToList();
        if (values.Count == 0)
            throw Error(place, "the list is empty: give at least one value, or leave the option out.");
        for (var i = 0; i < values.Count; i++)
        {
            if (values.IndexOf(values[i]) < i)
                throw Error($"{place}[{i}]", $"{Shown(array[i])} is there twice.");
        }

        return new ListedValues(values);
    }

    private SpaceValues Range(SpaceOption option, JsonElement element, string place)
    {
        if (element.EnumerateObject().ToList() is not [var only])
            throw Error(place, $"give one of {string.Join(", ", RangeNames)}, such as {{\"log\": [1e-5, 1e-2]}}.");
        if (!RangeNames.Contains(only.Name))
            throw Error($"{place}.{only.Name}", $"there is no such way to draw.{NearestNames.DidYouMean(only.Name, RangeNames)} There " +
                $"are {string.Join(", ", RangeNames)}.");
        place = $"{place}.{only.Name}";
        if (only.Name == "choice")
        {
            return only.Value.ValueKind == JsonValueKind.Array
                ? Listed(option, only.Value, place)
                : throw Error(place, $"must be a list of values, found {Shown(only.Value)}.");
        }

        if (option.Kind == SpaceKind.Text)
            throw Error(place, $"{option.Name} has no numbers to draw between. Give a list of values.");
        if (only.Value.ValueKind != JsonValueKind.Array || only.Value.GetArrayLength() != 2)
            throw Error(place, $"must be a list of two numbers, the smallest and the largest, found {Shown(only.Value)}.");
        var (low, high) = (Bound(option, only.Value[0], $"{place}[0]"), Bound(option, only.Value[1], $"{place}[1]"));
        if (!(low < high))
            throw Error(place, $"the first number must be below the second, found {Shown(only.Value)}.");
        if (only.Name == "log" && !(low > 0))
            throw Error($"{place}[0]", $"a logarithmic scale has only numbers above 0, found {Shown(only.Value[0])}.");
        return new RangeOfValues(low, high, only.Name == "log", option.Kind == SpaceKind.Whole);
    }

    private double Bound(SpaceOption option, JsonElement element, string place) =>
        Convert.ToDouble(Value(option with { CanBeNull = false }, element, place), CultureInfo.InvariantCulture);

    private object? Value(SpaceOption option, JsonElement element, string place)
    {
        switch (option.Kind, element.ValueKind)
        {
            case (_, JsonValueKind.Null) when option.CanBeNull:
                return null;
            case (SpaceKind.Text, JsonValueKind.String):
                return Text(option, element.GetString()!, place);
            case (SpaceKind.Number, JsonValueKind.Number) when double.IsFinite(element.GetDouble()):
                return element.GetDouble();
            case (SpaceKind.Whole, JsonValueKind.Number) when element.TryGetInt64(out var number):
                return number;
            default:
                var expected =
                    option.Kind switch { SpaceKind.Text => "a text in quotes", SpaceKind.Number => "a number", _ => "a whole number" };
                throw Error(place, $"must be {expected}{(option.CanBeNull ? " or null" : "")}, found {Shown(element)}.");
        }
    }

    private string Text(SpaceOption option, string text, string place)
    {
        if (option.Words is not null && !option.Words.Contains(text))
            throw Error(place, $"there is no {option.Name} '{text}'.{NearestNames.DidYouMean(text, option.Words)} There are " +
                $"{string.Join(", ", option.Words)}.");
        if (option.Name != "head")
            return text;
        try
        {
            HeadSpec.Parse(text);
            return text;
        }
        catch (CommandException e)
        {
            throw Error(place, e.Message.Replace("--head, ", "", StringComparison.Ordinal));
        }
    }

    private long ReadSeed(JsonElement root) => !root.TryGetProperty("seed", out var element)
        ? 0
        : element.ValueKind == JsonValueKind.Number && element.TryGetInt64(out var seed)
            ? seed
            : throw Error("seed", $"must be a whole number, found {Shown(element)}.");

    private int Whole(JsonElement root, string name, int unless, int minimum, int maximum) => !root.TryGetProperty(name, out var element)
        ? unless
        : element.ValueKind == JsonValueKind.Number && element.TryGetInt32(out var value) && value >= minimum && value <= maximum
            ? value
            : throw Error(name, $"must be a whole number from {minimum} to {maximum}, found {Shown(element)}.");

    private T Word<T>(JsonElement root, string name)
        where T : struct, Enum
    {
        if (!root.TryGetProperty(name, out var element))
            return default;
        string[] words = [.. Enum.GetNames<T>().Select(n => n.ToLowerInvariant())];
        var text = element.ValueKind == JsonValueKind.String ? element.GetString()! : element.GetRawText();
        return words.Contains(text)
            ? Enum.Parse<T>(text, ignoreCase: true)
            : throw Error(
                name, $"there is no {name} '{text}'.{NearestNames.DidYouMean(text, words)} There are {string.Join(", ", words)}.");
    }

    private static string Shown(JsonElement element) =>
        element.GetRawText() is { Length: <= 40 } text ? text : $"{element.GetRawText()[..37]}...";

    private CommandException Error(string place, string message) =>
        CommandException.Usage($"{_path}: {(place.Length == 0 ? "" : place + ": ")}{message}");
}
