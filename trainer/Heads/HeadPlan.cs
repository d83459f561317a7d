using Headstart.Models;

namespace Headstart.Trainer.Heads;

/// <summary>A head fitted to a layer and a number of classes: every piece with its name and the shapes that go in and out.</summary>
internal sealed class HeadPlan
{
    private HeadPlan(HeadSpec spec, LayerShape input, int classes, IReadOnlyList<PlannedPiece> pieces)
    {
        Spec = spec;
        Input = input;
        Classes = classes;
        Pieces = pieces;
        FixedPieces = pieces.TakeWhile(p => p.Piece.IsFixed).Count();
    }

    public HeadSpec Spec { get; }

    /// <summary>The shape of the layer that the head reads.</summary>
    public LayerShape Input { get; }

    public int Classes { get; }

    /// <summary>In order; the last is the output layer, a linear dense named <c>output</c>.</summary>
    public IReadOnlyList<PlannedPiece> Pieces { get; }

    /// <summary>How many of the first pieces training can't change: their output is computed once, when the features are loaded.</summary>
    public int FixedPieces { get; }

    /// <summary>What comes out of the fixed pieces: the shape in which features stay in memory.</summary>
    public LayerShape Stored => FixedPieces == 0 ? Input : Pieces[FixedPieces - 1].Output;

    /// <summary>One logit for two classes (above 0 means the second), otherwise one per class.</summary>
    public int Outputs => OutputsFor(Classes);

    public bool HasBatchNorm => Pieces.Any(p => p.Piece.SeesBatch);

    /// <summary>The number of values that training changes.</summary>
    public long Parameters => Pieces.Sum(p => p.Parameters);

    public static int OutputsFor(int classes) => classes == 2 ? 1 : classes;

    /// <param name="spec">The head.</param>
    /// <param name="layer">The layer it is to read, for messages.</param>
    /// <param name="classes">At least 2.</param>
    /// <exception cref="CommandException">A piece can't take the shape that reaches it; the message names both.</exception>
    public static HeadPlan Create(HeadSpec spec, ModelLayer layer, int classes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(classes, 2);
        var pieces = new List<PlannedPiece>();
        var counts = new Dictionary<string, int>();
        var shape = layer.Shape;
        for (var i = 0; i < spec.Pieces.Count; i++)
        {
            var piece = spec.Pieces[i];
            if (piece.Refusal(shape) is { } reason)
                throw HeadSpec.Error(spec.Source, spec.Places[i], $"{piece.Word} {reason} (layer {layer.Name} is {layer.Shape}).");
            var number = counts[piece.Word] = counts.GetValueOrDefault(piece.Word) + 1;
            var output = piece.Output(shape);
            pieces.Add(new PlannedPiece(piece, $"{piece.Word}_{number}", shape, output));
            shape = output;
        }

        if (!shape.IsVector)
        {
            throw HeadSpec.Error(spec.Source, new TextSpan(spec.Source.Length, 1),
                $"the head ends in {shape}, and the output layer needs a vector. Add flatten, gap or gmp.");
        }

        var outputs = OutputsFor(classes);
        pieces.Add(new PlannedPiece(new Dense(outputs, Activation.Linear), "output", shape, new LayerShape(outputs, 1, 1)));
        return new HeadPlan(spec, layer.Shape, classes, pieces);
    }
}

/// <summary>A piece in its place.</summary>
/// <param name="Piece">What it does.</param>
/// <param name="Name">Unique in the head, such as <c>dense_1</c>; its parameters are named after it: <c>dense_1.weight</c>.</param>
/// <param name="Input">What goes in, for one image.</param>
/// <param name="Output">What comes out, for one image.</param>
internal sealed record PlannedPiece(HeadPiece Piece, string Name, LayerShape Input, LayerShape Output)
{
    /// <summary>The number of values in it that training changes.</summary>
    public long Parameters => Piece.Parameters(Input);

    /// <summary>Whether what comes out is what came in, in memory.</summary>
    public bool KeepsValues => Piece.KeepsValues(Input);
}
