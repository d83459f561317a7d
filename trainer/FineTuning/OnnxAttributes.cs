using Headstart.Models.Onnx;

namespace Headstart.Trainer.FineTuning;

/// <summary>The attributes of an ONNX node, by name; what isn't there has the default that the caller names.</summary>
internal sealed class OnnxAttributes(NodeProto node)
{
    public long Integer(string name, long otherwise) => Find(name) is { } a ? a.I : otherwise;

    public float Float(string name, float otherwise) => Find(name) is { } a ? a.F : otherwise;

    public string Text(string name, string otherwise) => Find(name) is { } a ? a.S.ToStringUtf8() : otherwise;

    /// <summary>Null where there is no such attribute.</summary>
    public long[]? Integers(string name) => Find(name)?.Ints.ToArray();

    public bool Has(string name) => Find(name) is not null;

    private AttributeProto? Find(string name) => node.Attribute.FirstOrDefault(a => a.Name == name);
}
