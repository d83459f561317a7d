using Headstart.Models;
using Headstart.Trainer.Runs;

namespace Headstart.Trainer.Export;

/// <summary>Whether a base is the one whose features a run learnt from.</summary>
internal static class BaseMatch
{
    /// <summary>Finds what is different.</summary>
    /// <returns>True for the run's own base, false for another that was allowed.</returns>
    /// <exception cref="CommandException">Another base that is not allowed, or can't take the head; the message names the
    /// field.</exception>
    public static bool Require(RunFile run, string runFolder, ModelFile model, bool allowOther, bool isTuned)
    {
        var contract = model.Contract;
        if (contract.Layers.All(l => l.Name != run.Layer.Name))
        {
            throw new CommandException($"{model.Path} has no layer '{run.Layer.Name}', which the head in {runFolder} reads. It has: " +
                $"{string.Join(", ", contract.Layers.Select(l => l.Name))}. Pass the model that made the cache, sha256 " +
                $"{run.Cache.Contract.ModelSha256[..16]}...");
        }

        var trained = run.Cache.Contract with { Layers = [run.Layer], Augmentation = null };
        var given = trained with
        {
            Model = contract.Name,
            ModelSha256 = model.Sha256,
            Preprocessing = contract.Preprocessing,
            Precision = contract.Precision,
            Layers = [contract.Layers.First(l => l.Name == run.Layer.Name)],
        };
        var inWhatAlwaysCounts =
            trained.FirstDifference(given with { Model = trained.Model, ModelSha256 = trained.ModelSha256, Precision = trained.Precision });
        if ((inWhatAlwaysCounts ?? trained.FirstDifference(given)) is not { } difference)
            return true;
        var canBeAllowed = inWhatAlwaysCounts is null && !isTuned;
        if (canBeAllowed && allowOther)
            return false;
        throw new CommandException($"{model.Path} has {difference.Field} '{difference.Right}', but the run in {runFolder} learnt from " +
            $"features made with '{difference.Left}'. " +
            "Pass the model that made them" +
            (canBeAllowed ? ", or join the head to this one with --allow-other-base and look at what that changes." :
                isTuned && inWhatAlwaysCounts is null ? ": this run has tuned tensors of its own base." : "."));
    }
}
