using CsCheck;
using Headstart.Trainer.Sweeps;

namespace Headstart.Tests.Sweeps;

public sealed class SuccessiveHalvingTests
{
    [Theory]
    [InlineData(27, 27, 3, "27x1 9x3 3x9 1x27")] // the textbook's
    [InlineData(20, 30, 3, "20x3 6x10 2x30")]
    [InlineData(16, 8, 2, "16x1 8x2 4x4 2x8")]
    [InlineData(2, 100, 3, "2x100")]
    [InlineData(100, 2, 3, "100x2")]
    public void Rounds_are_divided_as_worked_out_by_hand(int trials, int epochs, int eta, string expected) =>
        Assert.Equal(expected, string.Join(' ', SuccessiveHalving.Rungs(trials, epochs, eta).Select(r => $"{r.Trials}x{r.Epochs}")));

    [Fact]
    public void Survivors_epochs_are_not_trained_again() =>
        // 27 x 1, then 9 x 2 more, 3 x 6 more, 1 x 18 more; every trial to the end would be 729.
        Assert.Equal(27 + 18 + 18 + 18, TotalEpochs(SuccessiveHalving.Rungs(27, 27, 3)));

    [Fact]
    public void Each_round_has_an_eta_th_of_the_trials_and_no_round_costs_more_than_the_first_would_with_all() =>
        Gen.Select(Gen.Int[1, 500], Gen.Int[1, 300], Gen.Int[2, 5]).Sample((trials, epochs, eta) =>
        {
            var rungs = SuccessiveHalving.Rungs(trials, epochs, eta);
            Assert.Equal(trials, rungs[0].Trials);
            Assert.Equal(epochs, rungs[^1].Epochs);
            Assert.All(rungs, r => Assert.True(r.Trials >= 1 && r.Epochs >= 1));
            Assert.All(rungs.Zip(rungs.Skip(1)), p =>
            {
                Assert.Equal(p.First.Trials / eta, p.Second.Trials);
                Assert.InRange(p.Second.Epochs!.Value, p.First.Epochs!.Value * eta, (p.First.Epochs.Value + 1) * eta);
            });
            Assert.True(TotalEpochs(rungs) <= (long)trials * epochs);
        });

    // The epochs that all rounds train together; a survivor's earlier epochs are not trained again.
    private static long TotalEpochs(IReadOnlyList<Rung> rungs) =>
        rungs.Select((r, i) => (long)r.Trials * (r.Epochs!.Value - (i == 0 ? 0 : rungs[i - 1].Epochs!.Value))).Sum();
}
