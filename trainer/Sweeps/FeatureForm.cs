using Headstart.Trainer.Heads;

namespace Headstart.Trainer.Sweeps;

/// <summary>
/// What heads read that can share features: one layer, after the same fixed pieces. Heads of equal forms read the same values.
/// </summary>
/// <param name="Layer">The layer's name.</param>
/// <param name="Pieces">The fixed pieces that change a value, in the head language; empty for features as they are stored.</param>
internal sealed record FeatureForm(string Layer, string Pieces)
{
    /// <param name="layer">That the head reads.</param>
    /// <param name="plan">The head.</param>
    public static FeatureForm Of(string layer, HeadPlan plan) =>
        new(layer, string.Join(", ", plan.Pieces.Take(plan.FixedPieces).Where(p => !p.KeepsValues).Select(p => p.Piece)));
}
