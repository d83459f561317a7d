namespace Headstart.Cache;

/// <summary>How a cache stores layers that an int8 network computed as bytes.</summary>
public enum LayerStorage
{
    /// <summary>As floats, which every reader takes as they are.</summary>
    Floats,

    /// <summary>
    /// As the network's own bytes, with a <see cref="ByteGrid"/> in each part's footer. Layers that the network computed in float32 stay
    /// floats.
    /// </summary>
    Bytes,
}
