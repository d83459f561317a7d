using Headstart.Trainer.Training;

namespace Headstart.Tests.Training;

public sealed class LearningRateTests
{
    // 10 epochs of 4 steps, the highest rate 8.
    private static readonly TrainingOptions Options = new() { Epochs = 10, LearningRate = 8 };

    [Fact]
    public void Constant_is_the_rate_itself_to_the_bit()
    {
        var rate = new LearningRate(new TrainingOptions { LearningRate = 1e-4 }, 7);

        Assert.All(Enumerable.Range(0, 70), step => Assert.Equal(1e-4, rate.At(step)));
    }

    [Theory]
    [InlineData(0, 8)]
    [InlineData(10, 6.8284271247461900976)] // 8 · (1 + cos 45°) / 2 = 4 + 2·sqrt(2)
    [InlineData(20, 4)]
    [InlineData(30, 1.1715728752538099024)]
    [InlineData(39, 0.012330665067488145)] // python3: 4 * (1 + math.cos(39 / 40 * math.pi))
    public void Cosine_falls_to_nothing_over_all_epochs(int step, double expected) =>
        Assert.Equal(expected, new LearningRate(Options with { Schedule = Schedule.Cosine }, 4).At(step), 1e-9);

    [Theory]
    [InlineData(0, 8)]
    [InlineData(19, 8)]
    [InlineData(20, 0.8)]
    [InlineData(29, 0.8)]
    [InlineData(30, 0.08)]
    [InlineData(39, 0.08)]
    public void Step_falls_tenfold_after_half_and_after_three_quarters(int step, double expected) =>
        Assert.Equal(expected, new LearningRate(Options with { Schedule = Schedule.Step }, 4).At(step), 1e-12);

    [Theory]
    [InlineData(Schedule.Constant, 0, 1)] // 2 epochs of warm-up are 8 steps: an eighth each
    [InlineData(Schedule.Constant, 6, 7)]
    [InlineData(Schedule.Constant, 7, 8)]
    [InlineData(Schedule.Constant, 39, 8)]
    [InlineData(Schedule.Cosine, 3, 4)]
    [InlineData(Schedule.Cosine, 8, 8)] // the cosine has the 32 steps that are left
    [InlineData(Schedule.Cosine, 24, 4)]
    public void Warm_up_rises_to_the_rate_and_the_schedule_follows(Schedule schedule, int step, double expected) =>
        Assert.Equal(expected, new LearningRate(Options with { Schedule = schedule, WarmUp = 2 }, 4).At(step), 1e-12);

    [Fact]
    public void Warm_up_may_be_a_part_of_an_epoch() => Assert.Equal(4, new LearningRate(Options with { WarmUp = 0.5 }, 4).At(0));

    [Theory]
    [InlineData(0, "")]
    [InlineData(0, "5 4 3 2 1")]
    [InlineData(0, "5 5 5")] // two epochs without a lower loss
    [InlineData(1, "5 5 5 5")]
    [InlineData(1, "5 6 7 8 4")]
    [InlineData(1, "5 6 7 8 8 8")]
    [InlineData(2, "5 6 7 8 8 8 8")] // three more
    [InlineData(0, "5 6 6 4 6 6")] // the lower one in between begins the count anew
    public void Plateaus_are_counted_from_the_losses_alone(int expected, string losses) =>
        Assert.Equal(expected, LearningRate.Plateaus(losses.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(double.Parse)));

    [Fact]
    public void Plateau_takes_a_tenth_each_time()
    {
        var rate = new LearningRate(Options with { Schedule = Schedule.Plateau }, 4);

        Assert.Equal(8, rate.At(30));
        Assert.Equal(0.08, rate.At(30, plateaus: 2), 1e-12);
    }
}
