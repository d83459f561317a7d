using Headstart.Tests.Programs;

namespace Headstart.Tests.CommandLine;

/// <summary>What both programs promise about their command lines, whatever the command.</summary>
public sealed class CommandLineTests
{
    public static TheoryData<string> BothPrograms => ["extractor", "trainer"];

    [Theory]
    [MemberData(nameof(BothPrograms))]
    public async Task Help_is_written_to_standard_output_and_is_no_failure(string program)
    {
        var run = (await Run(program, "--help")).EndedWith(0);

        Assert.Contains("Usage:", run.Output, StringComparison.Ordinal);
        Assert.Equal("", run.Error);
    }

    [Theory]
    [MemberData(nameof(BothPrograms))]
    public async Task Without_a_command_the_program_shows_its_help(string program)
    {
        var run = (await Run(program)).EndedWith(0);

        Assert.Contains("Usage:", run.Output + run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("extractor", "no-such-command")]
    [InlineData("extractor", "--no-such-option")]
    [InlineData("extractor", "extract pictures --model m.onnx --out cache --no-such-option")]
    [InlineData("extractor", "extract pictures --model m.onnx --out cache one-too-many")]
    [InlineData("extractor", "extract pictures --out cache")]
    [InlineData("extractor", "extract --model m.onnx --out cache")]
    [InlineData("extractor", "extract pictures --model m.onnx --out cache --batch many")]
    [InlineData("extractor", "extract pictures --model m.onnx --out cache --device 7")]
    [InlineData("extractor", "model no-such-command")]
    [InlineData("extractor", "model import weights.onnx --out m.onnx")]
    [InlineData("trainer", "no-such-command")]
    [InlineData("trainer", "--no-such-option")]
    [InlineData("trainer", "train cache")]
    [InlineData("trainer", "train --out run")]
    [InlineData("trainer", "train cache --out run --no-such-option")]
    [InlineData("trainer", "train cache --out run --epochs few")]
    public async Task Wrong_usage_ends_with_2_and_a_line_about_it(string program, string commandLine)
    {
        var run = (await Run(program, commandLine.Split(' '))).EndedWith(2);

        Assert.Equal("", run.Output);
        Assert.NotEqual("", run.Error.Trim());
        AssertNoStackTrace(run);
    }

    [Theory]
    [InlineData("extractor", "extract no-such-folder --model no-such-model.onnx --out cache")]
    [InlineData("extractor", "model info no-such-model.onnx")]
    [InlineData("extractor", "cache info no-such-cache")]
    [InlineData("trainer", "train no-such-cache --out run")]
    public async Task A_job_that_cannot_be_done_ends_with_1_and_one_line_about_it(string program, string commandLine)
    {
        var run = (await Run(program, commandLine.Split(' '))).EndedWith(1);

        Assert.Equal("", run.Output);
        Assert.Matches("^error: .*no-such-.*\n$", run.Error);
    }

    [Theory]
    [InlineData("trainer", "train cache --oot run", "Unknown option '--oot'. Did you mean '--out'? See 'trainer train --help'.")]
    [InlineData(
        "trainer", "train cache --out run --epoch=3", "Unknown option '--epoch'. Did you mean '--epochs'? See 'trainer train --help'.")]
    [InlineData("trainer", "train cache --out run --no-such-option", "Unknown option '--no-such-option'. See 'trainer train --help'.")]
    [InlineData("trainer", "train cache --out run -x", "Unknown option '-x'. See 'trainer train --help'.")]
    [InlineData("trainer", "trian cache", "Unknown command 'trian'. Did you mean 'train'? See 'trainer --help'.")]
    [InlineData("trainer", "no-such-command", "Unknown command 'no-such-command'. See 'trainer --help'.")]
    [InlineData("trainer", "--hepl", "Unknown option '--hepl'. Did you mean '--help'? See 'trainer --help'.")]
    [InlineData("extractor", "extract pictures --modle m.onnx --out cache",
        "Unknown option '--modle'. Did you mean '--model'? See 'extractor extract --help'.")]
    [InlineData("extractor", "modle import w.h5", "Unknown command 'modle'. Did you mean 'model'? See 'extractor --help'.")]
    [InlineData(
        "extractor", "model imprt w.h5", "Unknown command 'model imprt'. Did you mean 'model import'? See 'extractor model --help'.")]
    [InlineData("extractor", "model import w.h5 --prest keras",
        "Unknown option '--prest'. Did you mean '--preset'? See 'extractor model import --help'.")]
    public async Task An_unknown_command_or_option_is_answered_with_the_near_one_and_where_to_look(
        string program, string commandLine, string answer)
    {
        var run = (await Run(program, commandLine.Split(' '))).EndedWith(2);

        Assert.Equal(("", $"error: {answer}\n"), (run.Output, run.Error));
    }

    [Theory]
    [InlineData("extractor", "extract, predict, demo-data, demo-base, model list, model fetch, model import, model info, model verify, " +
        "model quantize, cache info, cache verify")]
    [InlineData("trainer", "train, sweep, finetune, evaluate, audit, export")]
    public async Task Every_command_answers_so(string program, string commands)
    {
        foreach (var command in commands.Split(", "))
        {
            var run = (await Run(program, [.. command.Split(' '), "--hepl"])).EndedWith(2);
            Assert.Equal(("", $"error: Unknown option '--hepl'. Did you mean '--help'? See '{program} {command} --help'.\n"),
                (run.Output, run.Error));
        }
    }

    private static Task<ProgramRun> Run(string program, params string[] args) =>
        program == "extractor" ? ProgramRun.Extractor(args) : ProgramRun.Trainer(args);

    private static void AssertNoStackTrace(ProgramRun run)
    {
        Assert.DoesNotContain("   at ", run.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", run.Error, StringComparison.Ordinal);
    }
}
