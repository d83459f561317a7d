using CsCheck;
using Headstart.CommandLine;

namespace Headstart.Tests.CommandLine;

public sealed class WrappedTextTests
{
    [Fact]
    public void Lines_begin_under_each_other()
    {
        var writer = new StringWriter { NewLine = "\n" };
        WrappedText.Write(writer, "  note: ", string.Join(' ', Enumerable.Repeat("seventeen-letters", 6)));
        Assert.Equal($"  note: {Words(4)}\n        {Words(2)}\n", writer.ToString());

        static string Words(int count) => string.Join(' ', Enumerable.Repeat("seventeen-letters", count));
    }

    [Fact]
    public void No_word_is_lost_and_no_line_is_too_long() =>
        Gen.String[Gen.Char['a', 'z'], 1, 30].Array[0, 40].Sample(words =>
        {
            var writer = new StringWriter { NewLine = "\n" };
            WrappedText.Write(writer, "x: ", string.Join("  ", words));
            var text = writer.ToString();
            Assert.Equal(["x:", .. words], text.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries));
            Assert.All(text.Split('\n'), line => Assert.InRange(line.Length, 0, WrappedText.Width));
        });
}
