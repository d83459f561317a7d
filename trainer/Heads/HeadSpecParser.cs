using System.Globalization;

namespace Headstart.Trainer.Heads;

/// <summary>Reads the head language: <c>piece, piece(argument, ...), ...</c>. Spaces and case don't matter.</summary>
internal sealed class HeadSpecParser(string source)
{
    private const NumberStyles Decimal = NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;

    // Every word of the language, and how its arguments are read.
    private static readonly (string Word, Func<HeadSpecParser, Token, List<Token>, HeadPiece> Read)[] Pieces =
    [
        ("flatten", (parser, word, arguments) => parser.Plain(word, arguments, new Flatten())),
        ("gap", (parser, word, arguments) => parser.Plain(word, arguments, new GlobalAveragePool())),
        ("gmp", (parser, word, arguments) => parser.Plain(word, arguments, new GlobalMaxPool())),
        ("avgpool", (parser, word, arguments) =>
            new AveragePool(parser.Whole(parser.One(word, arguments, "avgpool(2)"), "the window", 1, 1024))),
        ("dense", (parser, word, arguments) => parser.Dense(word, arguments)),
        ("dropout", (parser, word, arguments) => new Dropout(parser.Probability(parser.One(word, arguments, "dropout(0.5)")))),
        ("batchnorm", (parser, word, arguments) => parser.Plain(word, arguments, new BatchNorm())),
        ("layernorm", (parser, word, arguments) => parser.Plain(word, arguments, new LayerNorm())),
        ("l2norm", (parser, word, arguments) => parser.Plain(word, arguments, new L2Norm())),
    ];

    private int _at;

    /// <summary>The words of the pieces.</summary>
    public static IReadOnlyList<string> Words { get; } = [.. Pieces.Select(p => p.Word)];

    /// <exception cref="CommandException">The message points at the place.</exception>
    public HeadSpec Parse()
    {
        var pieces = new List<HeadPiece>();
        var places = new List<TextSpan>();
        do
        {
            var word = ReadToken("a piece: " + string.Join(", ", Words));
            var arguments = ReadArguments();
            pieces.Add(MakePiece(word, arguments));
            SkipSpaces();
            places.Add(new TextSpan(word.Place.Start, source[..Math.Min(_at, source.Length)].TrimEnd().Length - word.Place.Start));
        }
        while (TryRead(','));

        if (_at < source.Length)
            throw Error(new TextSpan(_at, 1), $"expected a comma before the next piece, found '{source[_at]}'.");
        return new HeadSpec(source, pieces, places);
    }

    private HeadPiece MakePiece(Token word, List<Token> arguments) =>
        Pieces.FirstOrDefault(p => p.Word.Equals(word.Text, StringComparison.OrdinalIgnoreCase)).Read is { } read
            ? read(this, word, arguments)
            : throw Error(word.Place, $"no piece '{word.Text}'.{Choices(word, Words)}");

    private Dense Dense(Token word, List<Token> arguments) => arguments.Count switch
    {
        1 => new Dense(Units(arguments[0]), Activation.Linear),
        2 => new Dense(Units(arguments[0]), ReadActivation(arguments[1])),
        0 => throw Error(word.Place, "dense needs the number of its units, as in dense(256, relu)."),
        _ => throw Error(arguments[2].Place, "dense takes the number of its units and an activation, nothing more."),
    };

    private HeadPiece Plain(Token word, List<Token> arguments, HeadPiece piece) => arguments.Count == 0
        ? piece
        : throw Error(arguments[0].Place, $"{word.Text} takes no arguments.");

    private Token One(Token word, List<Token> arguments, string example) => arguments.Count switch
    {
        1 => arguments[0],
        0 => throw Error(word.Place, $"{word.Text} needs one argument, as in {example}."),
        _ => throw Error(arguments[1].Place, $"{word.Text} takes one argument, as in {example}."),
    };

    private int Units(Token token) => Whole(token, "the number of units", 1, 1_000_000);

    private int Whole(Token token, string what, int minimum, int maximum) =>
        int.TryParse(token.Text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value >= minimum && value <= maximum
            ? value
            : throw Error(token.Place, $"{what} must be a whole number from {minimum} to {maximum}, found '{token.Text}'.");

    private double Probability(Token token) =>
        double.TryParse(token.Text, Decimal, CultureInfo.InvariantCulture, out var value) && value is >= 0 and < 1
            ? value
            : throw Error(token.Place, $"the probability must be a number from 0 to below 1, found '{token.Text}'.");

    private Activation ReadActivation(Token token) => ActivationWords.TryParse(token.Text, out var activation)
        ? activation
        : throw Error(token.Place, $"no activation '{token.Text}'.{Choices(token, ActivationWords.All)}");

    private static string Choices(Token token, IReadOnlyCollection<string> words) =>
        $"{NearestNames.DidYouMean(token.Text, words)} There are {string.Join(", ", words)}.";

    private List<Token> ReadArguments()
    {
        var arguments = new List<Token>();
        SkipSpaces();
        var open = _at;
        if (!TryRead('(') || TryRead(')'))
            return arguments;
        do
        {
            arguments.Add(ReadToken("an argument"));
        }
        while (TryRead(','));

        if (!TryRead(')'))
        {
            throw _at < source.Length
                ? Error(new TextSpan(_at, 1), $"expected ',' or ')', found '{source[_at]}'.")
                : Error(new TextSpan(open, 1), "this bracket is never closed.");
        }

        return arguments;
    }

    private Token ReadToken(string expected)
    {
        SkipSpaces();
        var start = _at;
        while (_at < source.Length && (char.IsLetterOrDigit(source[_at]) || source[_at] is '_' or '.' or '-' or '+'))
            _at++;
        if (_at > start)
            return new Token(source[start.._at], new TextSpan(start, _at - start));
        throw Error(new TextSpan(start, 1), $"expected {expected}; found {(start < source.Length ? $"'{source[start]}'" : "the end")}.");
    }

    private bool TryRead(char symbol)
    {
        SkipSpaces();
        if (_at >= source.Length || source[_at] != symbol)
            return false;
        _at++;
        return true;
    }

    private void SkipSpaces()
    {
        while (_at < source.Length && char.IsWhiteSpace(source[_at]))
            _at++;
    }

    private CommandException Error(TextSpan place, string message) => HeadSpec.Error(source, place, message);

    private readonly record struct Token(string Text, TextSpan Place);
}
