using System.Globalization;
using Headstart.Models;

namespace Headstart.Trainer.Heads;

/// <summary>
/// One piece of a head, and all that can be said of it without computing it. <see cref="object.ToString"/> gives it as it is written.
/// </summary>
/// <remarks>What it computes stands in three places, one for each way to compute: <see cref="Head"/> (a libtorch module), HeadStack (many
/// heads at
/// once) and HeadGraph (ONNX operators). What it is written as is read in <see cref="HeadSpecParser"/>.</remarks>
internal abstract record HeadPiece
{
    /// <summary>The word that the language has for it.</summary>
    public abstract string Word { get; }

    /// <summary>Whether it holds nothing that training changes and no chance, so that its output can be computed once.</summary>
    public virtual bool IsFixed => false;

    /// <summary>Whether in training an image's output depends on the other images of its batch.</summary>
    public virtual bool SeesBatch => false;

    /// <summary>
    /// What this piece must have in common with those of other heads for all of them to be computed at once; null: they can't be.
    /// </summary>
    public virtual string? StacksAs => null;

    /// <summary>The piece with its arguments, as the language writes it.</summary>
    protected virtual string Written => Word;

    /// <summary>Why it can't take what comes in, for people: what follows the word in a sentence. Null where it can.</summary>
    /// <param name="input">For one image.</param>
    public virtual string? Refusal(LayerShape input) => null;

    /// <summary>What comes out, for one image.</summary>
    /// <param name="input">That it doesn't refuse.</param>
    public virtual LayerShape Output(LayerShape input) => input;

    /// <summary>The number of values in it that training changes.</summary>
    /// <param name="input">That it doesn't refuse.</param>
    public virtual long Parameters(LayerShape input) => 0;

    /// <summary>Whether what comes out is what came in: the same values in the same order in memory.</summary>
    /// <param name="input">That it doesn't refuse.</param>
    public virtual bool KeepsValues(LayerShape input) => false;

    public sealed override string ToString() => Written;

    /// <summary>The refusal of pieces that take vectors alone.</summary>
    protected static string? UnlessVector(LayerShape input) =>
        input.IsVector ? null : $"takes a vector, and gets {input}. Put flatten, gap or gmp before it";
}

/// <summary>C x H x W to a vector.</summary>
/// <remarks>
/// The order is the cache's, C x H x W. Keras flattens H x W x C: the same values in another order, which a trained dense layer doesn't
/// notice.
/// </remarks>
internal sealed record Flatten : HeadPiece
{
    public override string Word => "flatten";
    public override bool IsFixed => true;
    public override LayerShape Output(LayerShape input) => new(input.Length, 1, 1);
    public override bool KeepsValues(LayerShape input) => true;
}

/// <summary>The mean of each channel.</summary>
internal sealed record GlobalAveragePool : HeadPiece
{
    public override string Word => "gap";
    public override bool IsFixed => true;
    public override LayerShape Output(LayerShape input) => new(input.Channels, 1, 1);
    public override bool KeepsValues(LayerShape input) => input.IsVector;
}

/// <summary>The maximum of each channel.</summary>
internal sealed record GlobalMaxPool : HeadPiece
{
    public override string Word => "gmp";
    public override bool IsFixed => true;
    public override LayerShape Output(LayerShape input) => new(input.Channels, 1, 1);
    public override bool KeepsValues(LayerShape input) => input.IsVector;
}

/// <summary>
/// The mean of each <paramref name="Window"/> x <paramref name="Window"/> square, side by side; what doesn't fill a square is left out.
/// </summary>
internal sealed record AveragePool(int Window) : HeadPiece
{
    public override string Word => "avgpool";
    public override bool IsFixed => true;
    protected override string Written => $"{Word}({Window})";

    public override string? Refusal(LayerShape input) => Window > Math.Min(input.Height, input.Width)
        ? $"has a window of {Window} x {Window}, and gets {input}. Make the window smaller"
        : null;

    public override LayerShape Output(LayerShape input) => input with { Height = input.Height / Window, Width = input.Width / Window };
    public override bool KeepsValues(LayerShape input) => Window == 1;
}

/// <summary>activation(W x + b). W starts Glorot-uniform and b at zero, as Keras starts a Dense layer.</summary>
internal sealed record Dense(int Units, Activation Activation) : HeadPiece
{
    public override string Word => "dense";
    public override string StacksAs => Written;
    protected override string Written => Activation == Activation.Linear ? $"{Word}({Units})" : $"{Word}({Units}, {Activation.Word()})";
    public override string? Refusal(LayerShape input) => UnlessVector(input);
    public override LayerShape Output(LayerShape input) => new(Units, 1, 1);
    public override long Parameters(LayerShape input) => ((long)input.Length + 1) * Units;
}

/// <summary>In training sets each value to 0 with <paramref name="Probability"/> and scales the others by 1/(1-p).</summary>
internal sealed record Dropout(double Probability) : HeadPiece
{
    public override string Word => "dropout";

    /// <summary>With any probability: each head has a chance of its own.</summary>
    public override string StacksAs => Word;
    protected override string Written => string.Create(CultureInfo.InvariantCulture, $"{Word}({Probability})");
}

/// <summary>
/// Normalises each channel over the batch, then scales and shifts it. Epsilon 1e-5, running statistics with momentum 0.1 (PyTorch's).
/// </summary>
internal sealed record BatchNorm : HeadPiece
{
    public override string Word => "batchnorm";
    public override bool SeesBatch => true;
    public override long Parameters(LayerShape input) => 2L * input.Channels;
}

/// <summary>Normalises each vector to mean 0 and variance 1, then scales and shifts each value. Epsilon 1e-5.</summary>
internal sealed record LayerNorm : HeadPiece
{
    public override string Word => "layernorm";
    public override string? Refusal(LayerShape input) => UnlessVector(input);
    public override long Parameters(LayerShape input) => 2L * input.Length;
}

/// <summary>Divides each vector by its Euclidean length (at least 1e-12).</summary>
internal sealed record L2Norm : HeadPiece
{
    public override string Word => "l2norm";
    public override bool IsFixed => true;
    public override string? Refusal(LayerShape input) => UnlessVector(input);
}
