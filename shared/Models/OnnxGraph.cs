using Google.Protobuf.Collections;
using Headstart.Models.Onnx;

namespace Headstart.Models;

/// <summary>Surgery on ONNX graphs, without a runtime.</summary>
public static class OnnxGraph
{
    /// <summary>The inputs that a caller must feed: those that no initialiser fills.</summary>
    /// <remarks>Before IR version 4 every initialiser was listed among the inputs too.</remarks>
    public static IReadOnlyList<ValueInfoProto> FedInputs(GraphProto graph)
    {
        var initialisers = graph.Initializer.Select(t => t.Name).ToHashSet(StringComparer.Ordinal);
        return [.. graph.Input.Where(i => !initialisers.Contains(i.Name))];
    }

    /// <summary>The names of all tensors that nodes compute, in the order of the nodes.</summary>
    public static IEnumerable<string> ComputedTensors(GraphProto graph) =>
        graph.Node.SelectMany(n => n.Output).Where(name => name.Length > 0);

    /// <summary>The number of values in all initialisers but shapes and switches (int64, bool).</summary>
    public static long ParameterCount(GraphProto graph) =>
        graph.Initializer.Where(t => t.DataType is not ((int)TensorProto.Types.DataType.Int64 or (int)TensorProto.Types.DataType.Bool))
            .Sum(t => t.Dims.Aggregate(1L, (a, b) => a * b));

    /// <summary>
    /// Keeps only what is needed to compute <paramref name="outputs"/>, which become the graph's outputs in the order of the nodes.
    /// </summary>
    /// <param name="model">Left as it is.</param>
    /// <param name="outputs">Names of any computed tensors, also of inner ones.</param>
    /// <exception cref="CommandException">No node computes a tensor of that name; the message lists the nearest names.</exception>
    public static ModelProto CutTo(ModelProto model, IReadOnlyCollection<string> outputs) => Cut(model, [], outputs);

    /// <summary>
    /// Keeps only what is needed to compute <paramref name="outputs"/> from other computed tensors, which become the graph's inputs where
    /// they are used.
    /// </summary>
    /// <param name="model">Left as it is.</param>
    /// <param name="from">Computed tensors whose values are known.</param>
    /// <param name="outputs">Names of any computed tensors, none of them in <paramref name="from"/>.</param>
    /// <returns>
    /// Null where that can't be done: something else must be fed too, or the graph doesn't say what shape a needed tensor has.
    /// </returns>
    /// <exception cref="CommandException">No node computes a tensor of that name.</exception>
    public static ModelProto? CutBetween(ModelProto model, IReadOnlyCollection<string> from, IReadOnlyCollection<string> outputs)
    {
        var cut = Cut(model, from.ToHashSet(StringComparer.Ordinal), outputs);
        var inputs = FedInputs(cut.Graph).Select(i => i.Name).ToHashSet(StringComparer.Ordinal);

        // A node that is still needed may compute a known tensor too: then there would be two of its name.
        var isClean = inputs.IsSubsetOf(from) && cut.Graph.Input.All(i => i.Type?.TensorType?.Shape is not null)
            && !ComputedTensors(cut.Graph).Any(inputs.Contains);
        return isClean ? cut : null;
    }

    /// <summary>
    /// The computed tensors that everything up to another one goes through, in the order of the nodes: from each of them alone it can be
    /// computed.
    /// </summary>
    /// <param name="graph">Left as it is.</param>
    /// <param name="to">A computed tensor; it is not in the result.</param>
    /// <exception cref="CommandException">No node computes it.</exception>
    public static IReadOnlyList<string> CutPoints(GraphProto graph, string to)
    {
        var producers = Producers(graph);
        if (!producers.ContainsKey(to))
            throw UnknownTensor(to, ComputedTensors(graph));
        var fed = FedInputs(graph).Select(i => i.Name).ToHashSet(StringComparer.Ordinal);
        return [.. ComputedTensors(graph).Where(name => name != to && IsPassedOnEveryWay(name))];

        // Walks back from the end, and never through the tensor: what is fed must be out of reach then.
        bool IsPassedOnEveryWay(string tensor)
        {
            var reached = new HashSet<string>(StringComparer.Ordinal) { to };
            var pending = new Stack<string>([to]);
            while (pending.TryPop(out var name))
            {
                if (fed.Contains(name))
                    return false;
                if (name == tensor || !producers.TryGetValue(name, out var index))
                    continue;
                foreach (var used in Uses(graph.Node[index]).Where(reached.Add))
                    pending.Push(used);
            }

            return reached.Contains(tensor);
        }
    }

    private static ModelProto Cut(ModelProto model, HashSet<string> from, IReadOnlyCollection<string> outputs)
    {
        var graph = model.Graph;
        var producers = Producers(graph);
        foreach (var name in outputs.Where(name => !producers.ContainsKey(name)))
            throw UnknownTensor(name, ComputedTensors(graph));

        var keptNodes = new bool[graph.Node.Count];
        var keptTensors = new HashSet<string>(outputs, StringComparer.Ordinal);
        var pending = new Stack<string>(outputs);
        while (pending.TryPop(out var tensor))
        {
            if (from.Contains(tensor) || !producers.TryGetValue(tensor, out var index) || keptNodes[index])
                continue;
            keptNodes[index] = true;
            foreach (var name in Uses(graph.Node[index]).Where(keptTensors.Add))
                pending.Push(name);
        }

        // A clone shares the initialisers' bytes, so this costs little memory.
        var cut = model.Clone();
        Retain(cut.Graph.Initializer, t => keptTensors.Contains(t.Name));
        Retain(cut.Graph.Input, i => keptTensors.Contains(i.Name));
        cut.Graph.Node.Clear();
        cut.Graph.Node.AddRange(graph.Node.Where((_, i) => keptNodes[i]).Select(n => n.Clone()));

        var described =
            graph.ValueInfo.Concat(graph.Output).GroupBy(v => v.Name, StringComparer.Ordinal).ToDictionary(g => g.Key, g => g.Last());
        ValueInfoProto Describe(string name) =>
            described.TryGetValue(name, out var info) ? info.Clone() : new ValueInfoProto { Name = name };
        cut.Graph.Input.AddRange(from.Where(keptTensors.Contains).Order(StringComparer.Ordinal).Select(Describe));
        var computed = ComputedTensors(cut.Graph).ToHashSet(StringComparer.Ordinal);
        var wanted = outputs.ToHashSet(StringComparer.Ordinal);
        Retain(cut.Graph.ValueInfo, v => computed.Contains(v.Name) && !wanted.Contains(v.Name));
        cut.Graph.Output.Clear();
        cut.Graph.Output.AddRange(ComputedTensors(cut.Graph).Where(wanted.Contains).Select(Describe));
        return cut;
    }

    /// <summary>Gives a computed tensor another name, wherever it is used.</summary>
    public static void Rename(GraphProto graph, string from, string to)
    {
        foreach (var node in graph.Node)
        {
            Replace(node.Input, from, to);
            Replace(node.Output, from, to);
            foreach (var inner in Subgraphs(node))
                Rename(inner, from, to);
        }

        foreach (var info in graph.ValueInfo.Concat(graph.Output).Where(v => v.Name == from))
            info.Name = to;
    }

    /// <summary>A name that nothing in the graph has yet.</summary>
    public static string UnusedName(GraphProto graph, string wish)
    {
        var used = graph.Node.SelectMany(n => Uses(n).Concat(n.Output)).Concat(graph.Input.Select(i => i.Name))
            .Concat(graph.Initializer.Select(t => t.Name)).ToHashSet(StringComparer.Ordinal);
        return Enumerable.Range(1, int.MaxValue).Select(i => i == 1 ? wish : $"{wish}_{i}").First(name => !used.Contains(name));
    }

    /// <summary>What to tell a user who named a tensor that is not there.</summary>
    public static CommandException UnknownTensor(string name, IEnumerable<string> names)
    {
        var near = NearestNames.To(name, names);
        return CommandException.Usage(near.Count == 0
            ? $"The graph computes no tensor '{name}'."
            : $"The graph computes no tensor '{name}'. The nearest names: {string.Join(", ", near)}.");
    }

    /// <summary>All tensors that a node reads, those that its inner graphs (If, Loop, Scan) capture included.</summary>
    public static IEnumerable<string> Uses(NodeProto node) =>
        node.Input.Where(name => name.Length > 0)
            .Concat(Subgraphs(node).SelectMany(inner => inner.Node.SelectMany(Uses).Concat(inner.Output.Select(o => o.Name))));

    private static IEnumerable<GraphProto> Subgraphs(NodeProto node) =>
        node.Attribute.SelectMany(a => a.G is null ? a.Graphs : a.Graphs.Append(a.G));

    private static Dictionary<string, int> Producers(GraphProto graph)
    {
        var producers = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < graph.Node.Count; i++)
        {
            foreach (var name in graph.Node[i].Output.Where(name => name.Length > 0))
                producers[name] = i;
        }

        return producers;
    }

    private static void Replace(RepeatedField<string> names, string from, string to)
    {
        for (var i = 0; i < names.Count; i++)
        {
            if (names[i] == from)
                names[i] = to;
        }
    }

    private static void Retain<T>(RepeatedField<T> items, Func<T, bool> keep)
    {
        var kept = items.Where(keep).ToArray();
        items.Clear();
        items.AddRange(kept);
    }
}
