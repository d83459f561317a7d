using Headstart.Models;
using Headstart.Models.Onnx;
using Headstart.Safetensors;
using Headstart.Trainer.Runs;
using DataType = Headstart.Models.Onnx.TensorProto.Types.DataType;

namespace Headstart.Trainer.Export;

/// <summary>
/// The tensors of the base that a run has changed: <c>base.safetensors</c> beside its head, under the names of the base's initialisers.
/// </summary>
internal static class TunedTensors
{
    /// <summary>Those of a run; none where only its head was trained.</summary>
    /// <exception cref="CommandException">The file can't be read.</exception>
    public static IReadOnlyDictionary<string, NamedTensor> Of(string runFolder)
    {
        var path = Path.Combine(runFolder, RunFolder.BaseName);
        return File.Exists(path) ? SafetensorsFile.Read(path) : new Dictionary<string, NamedTensor>();
    }

    /// <summary>Puts them into the graph in place of its own.</summary>
    /// <param name="graph">It is changed.</param>
    /// <param name="tuned">Each has the name and the shape of an initialiser.</param>
    /// <param name="runFolder">Where they came from, for messages.</param>
    /// <param name="basePath">Where the graph came from, for messages.</param>
    /// <exception cref="CommandException">A tensor that the graph doesn't have, or has in another shape or type; nothing is
    /// changed.</exception>
    public static void Splice(GraphProto graph, IReadOnlyDictionary<string, NamedTensor> tuned, string runFolder, string basePath)
    {
        var places = graph.Initializer.Select((t, i) => (t.Name, i)).ToDictionary(p => p.Name, p => p.i, StringComparer.Ordinal);
        foreach (var tensor in tuned.Values)
        {
            if (!places.TryGetValue(tensor.Name, out var place))
                throw Unfit($"'{tensor.Name}', which the base doesn't have");
            var own = graph.Initializer[place];
            if (!own.Dims.SequenceEqual(tensor.Shape))
                throw Unfit(
                    $"'{tensor.Name}' as [{string.Join(", ", tensor.Shape)}], which the base has as [{string.Join(", ", own.Dims)}]");
            if (own.DataType != (int)DataType.Float)
                throw Unfit($"'{tensor.Name}' as float32, which the base has as {(DataType)own.DataType}");
        }

        foreach (var tensor in tuned.Values)
            graph.Initializer[places[tensor.Name]] = OnnxTensor.FromFloats(tensor.Name, tensor.Values, tensor.Shape);

        CommandException Unfit(string what) => new($"{Path.Combine(runFolder, RunFolder.BaseName)} has {what} ({basePath}). Pass the " +
            "model that the run was tuned from with --model.");
    }
}
