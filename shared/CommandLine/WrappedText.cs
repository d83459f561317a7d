namespace Headstart.CommandLine;

/// <summary>Breaks sentences so that what a command prints fits a terminal of 80 columns.</summary>
public static class WrappedText
{
    public const int Width = 80;

    /// <summary>
    /// Writes <paramref name="label"/> and the text; further lines are indented to where the text began. A word that is too long stands
    /// alone.
    /// </summary>
    public static void Write(TextWriter writer, string label, string text)
    {
        var line = label;
        var begun = false;
        foreach (var word in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (begun && line.Length + 1 + word.Length > Width)
            {
                writer.WriteLine(line);
                line = new string(' ', label.Length);
                begun = false;
            }

            line += begun ? $" {word}" : word;
            begun = true;
        }

        writer.WriteLine(line);
    }
}
