namespace Headstart.Trainer.Heads;

/// <summary>A head in the head language: pieces in order, without the output layer, which follows from the classes.</summary>
/// <example><c>flatten, dense(256, relu), dropout(0.5)</c></example>
internal sealed class HeadSpec
{
    /// <summary>The head of the well-known Keras workflow.</summary>
    public const string Reference = "flatten, dense(256, relu)";

    internal HeadSpec(string source, IReadOnlyList<HeadPiece> pieces, IReadOnlyList<TextSpan> places)
    {
        Source = source;
        Pieces = pieces;
        Places = places;
    }

    /// <summary>As the user wrote it.</summary>
    public string Source { get; }

    public IReadOnlyList<HeadPiece> Pieces { get; }

    /// <summary>Where in <see cref="Source"/> each piece stands.</summary>
    public IReadOnlyList<TextSpan> Places { get; }

    /// <exception cref="CommandException">Not the head language; the message points at the place.</exception>
    public static HeadSpec Parse(string source) => new HeadSpecParser(source).Parse();

    /// <summary>The head in its one canonical spelling; parses to the same pieces.</summary>
    public override string ToString() => string.Join(", ", Pieces);

    /// <summary>An error with the place marked under the text.</summary>
    internal static CommandException Error(string source, TextSpan place, string message) => CommandException.Usage(
        $"--head, column {place.Start + 1}: {message}\n  {source}\n  " +
        $"{new string(' ', place.Start)}{new string('^', Math.Max(1, place.Length))}");
}

/// <summary>A stretch of characters, counted from 0.</summary>
internal readonly record struct TextSpan(int Start, int Length);
