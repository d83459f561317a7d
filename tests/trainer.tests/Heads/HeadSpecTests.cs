using CsCheck;
using Headstart.Trainer.Heads;

namespace Headstart.Tests.Heads;

public sealed class HeadSpecTests
{
    [Fact]
    public void Reference_head_parses()
    {
        var spec = HeadSpec.Parse(HeadSpec.Reference);

        Assert.Equal([new Flatten(), new Dense(256, Activation.Relu)], spec.Pieces);
        Assert.Equal(HeadSpec.Reference, spec.ToString());
    }

    [Fact]
    public void Spaces_and_case_do_not_matter() =>
        Assert.Equal("gap, dense(64, gelu), dropout(0.5)", HeadSpec.Parse("GAP,Dense( 64 ,GELU ) ,  dropout(.5) ").ToString());

    [Fact]
    public void What_is_written_parses_to_the_same_pieces()
    {
        var piece = Gen.OneOf<HeadPiece>(
            Gen.OneOf([.. new HeadPiece[]
            {
                new Flatten(),
                new GlobalAveragePool(),
                new GlobalMaxPool(),
                new BatchNorm(),
                new LayerNorm(),
                new L2Norm(),
            }.Select(p => Gen.Const(p))]),
            Gen.Int[1, 1024].Select(k => (HeadPiece)new AveragePool(k)),
            Gen.Int[0, 99].Select(p => (HeadPiece)new Dropout(p / 100.0)),
            Gen.Select(Gen.Int[1, 1_000_000], Gen.Enum<Activation>()).Select((n, a) => (HeadPiece)new Dense(n, a)));

        piece.List[1, 8].Sample(pieces => Assert.Equal(pieces, HeadSpec.Parse(string.Join(", ", pieces)).Pieces));
    }

    [Theory]
    [InlineData("dense(256, rleu)", 12, "Did you mean relu?")]
    [InlineData("flaten, dense(256)", 1, "Did you mean flatten?")]
    [InlineData("flatten, dnese(256)", 10, "Did you mean dense?")]
    [InlineData("flatten, dense", 10, "number of its units")]
    [InlineData("flatten, dense(0)", 16, "from 1 to 1000000, found '0'")]
    [InlineData("flatten, dense(2.5)", 16, "whole number")]
    [InlineData("flatten, dense(256, relu, 3)", 27, "nothing more")]
    [InlineData("flatten, dense(256", 15, "never closed")]
    [InlineData("flatten dense(256)", 9, "expected a comma")]
    [InlineData("flatten(3)", 9, "takes no arguments")]
    [InlineData("dropout(1)", 9, "from 0 to below 1")]
    [InlineData("dropout(-0.1)", 9, "from 0 to below 1")]
    [InlineData("dropout(nan)", 9, "from 0 to below 1")]
    [InlineData("avgpool", 1, "avgpool(2)")]
    [InlineData("avgpool(2, 2)", 12, "one argument")]
    [InlineData("flatten,", 9, "found the end")]
    [InlineData("", 1, "found the end")]
    [InlineData("flatten, , gap", 10, "found ','")]
    [InlineData("dense(256; relu)", 10, "expected ',' or ')'")]
    public void Errors_point_at_the_place(string source, int column, string words)
    {
        var error = Assert.Throws<CommandException>(() => HeadSpec.Parse(source));

        var lines = error.Message.Split('\n');
        Assert.StartsWith($"--head, column {column}: ", lines[0], StringComparison.Ordinal);
        Assert.Contains(words, lines[0], StringComparison.Ordinal);
        Assert.Equal("  " + source, lines[1]);
        Assert.Equal(column + 1, lines[2].IndexOf('^', StringComparison.Ordinal));
        Assert.Equal(ExitCode.Usage, error.ExitCode);
    }

    [Fact]
    public void Any_text_parses_or_is_refused_with_words() => Gen.String[Gen.Char["flatendsropu()0123456789., "], 0, 30].Sample(text =>
    {
        try
        {
            Assert.NotEmpty(HeadSpec.Parse(text).Pieces);
        }
        catch (CommandException e)
        {
            Assert.StartsWith("--head, column ", e.Message, StringComparison.Ordinal);
        }
    });
}
