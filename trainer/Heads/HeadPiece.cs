using System.Globalization;

namespace Headstart.Training.Heads;

/// <summary>One piece of a head. <see cref="object.ToString"/> gives it as it is written in the head language.</summary>
internal abstract record HeadPiece
{
    /// <summary>The word that the language has for it.</summary>
    public abstract string Word { get; }

    /// <summary>Whether it holds nothing that training changes and no chance, so that its output can be computed once.</summary>
    public virtual bool IsFixed => false;

    /// <summary>The piece with its arguments, as the language writes it.</summary>
    protected virtual string Written => Word;

    public sealed override string ToString() => Written;
}

/// <summary>C x H x W to a vector.</summary>
/// <remarks>The order is the cache's, C x H x W. Keras flattens H x W x C: the same values in another order, which a trained dense layer doesn't notice.</remarks>
internal sealed record Flatten : HeadPiece
{
    public override string Word => "flatten";
    public override bool IsFixed => true;
}

/// <summary>The mean of each channel.</summary>
internal sealed record GlobalAveragePool : HeadPiece
{
    public override string Word => "gap";
    public override bool IsFixed => true;
}

/// <summary>The maximum of each channel.</summary>
internal sealed record GlobalMaxPool : HeadPiece
{
    public override string Word => "gmp";
    public override bool IsFixed => true;
}

/// <summary>The mean of each <paramref name="Window"/> x <paramref name="Window"/> square, side by side; what doesn't fill a square is left out.</summary>
internal sealed record AveragePool(int Window) : HeadPiece
{
    public override string Word => "avgpool";
    public override bool IsFixed => true;
    protected override string Written => $"{Word}({Window})";
}

/// <summary>activation(W x + b). W starts Glorot-uniform and b at zero, as Keras starts a Dense layer.</summary>
internal sealed record Dense(int Units, Activation Activation) : HeadPiece
{
    public override string Word => "dense";

    protected override string Written =>
        Activation == Activation.Linear ? $"{Word}({Units})" : $"{Word}({Units}, {Activation.Word()})";
}

/// <summary>In training sets each value to 0 with <paramref name="Probability"/> and scales the others by 1/(1-p).</summary>
internal sealed record Dropout(double Probability) : HeadPiece
{
    public override string Word => "dropout";
    protected override string Written => string.Create(CultureInfo.InvariantCulture, $"{Word}({Probability})");
}

/// <summary>Normalises each channel over the batch, then scales and shifts it. Epsilon 1e-5, running statistics with momentum 0.1 (PyTorch's).</summary>
internal sealed record BatchNorm : HeadPiece
{
    public override string Word => "batchnorm";
}

/// <summary>Normalises each vector to mean 0 and variance 1, then scales and shifts each value. Epsilon 1e-5.</summary>
internal sealed record LayerNorm : HeadPiece
{
    public override string Word => "layernorm";
}

/// <summary>Divides each vector by its Euclidean length (at least 1e-12).</summary>
internal sealed record L2Norm : HeadPiece
{
    public override string Word => "l2norm";
    public override bool IsFixed => true;
}
