namespace Headstart.Trainer.Kernels;

/// <summary>A dense layer's weights [units, inputs], and the tiles of them that are computed one at a time.</summary>
/// <remarks>The tiles don't depend on the number of threads, so that sums don't either.</remarks>
internal readonly record struct WideShape(int Inputs, int Units)
{
    /// <summary>So many inputs at once, in registers.</summary>
    public const int Panel = 16;

    /// <summary>So many units at once, in registers.</summary>
    public const int Rows = 4;

    // 4 KiB of each row, and with 32 images 128 KiB of features: what lies in a core's own cache.
    private const int MostInputs = 1024;
    private const int MostUnits = 256;

    /// <summary>Whether there are whole panels and rows only.</summary>
    public bool IsWhole => Inputs % Panel == 0 && Units % Rows == 0;

    /// <summary>The number of tiles of one unit.</summary>
    public int Parts => Divide(Inputs, MostInputs);

    /// <summary>The number of tiles of one input.</summary>
    public int Groups => Divide(Units, MostUnits);

    /// <summary>The number of tiles.</summary>
    public int Tiles => Parts * Groups;

    /// <summary>The inputs of a tile; the last may have fewer.</summary>
    public int TileInputs => Divide(Inputs / Panel, Parts) * Panel;

    public WideTile Tile(int index)
    {
        var (inputs, units) = (TileInputs, Divide(Units / Rows, Groups) * Rows);
        var (part, group) = (index / Groups, index % Groups);
        return new WideTile(
            index, part, part * inputs, Math.Min(inputs, Inputs - (part * inputs)),
            group * units, Math.Min(units, Units - (group * units)));
    }

    private static int Divide(int value, int by) => (value + by - 1) / by;
}

/// <summary>Some units of some inputs.</summary>
/// <param name="Index">Among all tiles.</param>
/// <param name="Part">Which of <see cref="WideShape.Parts"/>.</param>
internal readonly record struct WideTile(int Index, int Part, int FirstInput, int Inputs, int FirstUnit, int Units);
