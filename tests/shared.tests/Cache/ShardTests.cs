using CsCheck;
using Headstart.Cache;

namespace Headstart.Tests.Cache;

public sealed class ShardTests
{
    [Fact]
    public void Every_path_belongs_to_exactly_one_shard() =>
        Gen.Select(Gen.String, Gen.Int[1, 20]).Sample((path, count) =>
            Assert.Single(Enumerable.Range(0, count), i => new Shard(i, count).Owns(path)));

    [Fact]
    public void Which_shard_owns_a_path_never_changes()
    {
        // Python: [int(sha256(p.encode()).hexdigest()[:16], 16) % 4 for p in paths]
        string[] paths = ["cats/cat.1.jpg", "dogs/dog.7.jpg", "train/ä/ö.png"];
        Assert.Equal([0, 0, 2], paths.Select(p => Enumerable.Range(0, 4).Single(i => new Shard(i, 4).Owns(p))));
    }

    [Theory]
    [InlineData("2/4", null, 2, 4)]
    [InlineData("0/1", null, 0, 1)]
    [InlineData("auto/4", "SLURM_ARRAY_TASK_ID", 3, 4)]
    [InlineData("auto/8", "JOB_COMPLETION_INDEX", 3, 8)]
    public void A_shard_is_read_from_the_option_or_the_job_array(string text, string? variable, int index, int count) =>
        Assert.Equal(new Shard(index, count), Shard.Parse(text, name => name == variable ? "3" : null));

    [Theory]
    [InlineData("4/4", "from 0 to 3")]
    [InlineData("-1/4", "from 0 to 3")]
    [InlineData("1/0", "--shard is '1/0'")]
    [InlineData("1", "--shard is '1'")]
    [InlineData("a/4", "says shard 'a'")]
    [InlineData("auto/4", "needs a job array")]
    public void Anything_else_is_wrong_usage(string text, string expected)
    {
        var error = Assert.Throws<CommandException>(() => Shard.Parse(text, _ => null));
        Assert.Equal(ExitCode.Usage, error.ExitCode);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }
}
