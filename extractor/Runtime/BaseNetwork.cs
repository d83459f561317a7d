using Google.Protobuf;
using Headstart.Models;
using Headstart.Models.Onnx;
using Microsoft.ML.OnnxRuntime;

namespace Headstart.Extraction.Runtime;

/// <summary>The frozen base in ONNX Runtime, cut to the layers asked for.</summary>
internal sealed class BaseNetwork : IDisposable
{
    private readonly InferenceSession _session;
    private readonly OrtAllocator _memory;
    private readonly string _inputName;
    private readonly int[] _outputRanks;

    private BaseNetwork(
        ModelFile model, IReadOnlyList<ModelLayer> layers, InferenceSession session, ExecutionProvider provider, ExecutionDevice device,
        int threads)
    {
        Device = device;
        Threads = threads;
        Model = model;
        Layers = layers;
        Provider = provider;
        _session = session;
        _memory = provider.HostMemory(session);
        _inputName = session.InputMetadata.Keys.Single();
        _outputRanks = [.. layers.Select(l => session.OutputMetadata[l.Name].Dimensions.Length)];
        FixedBatch = session.InputMetadata.Values.Single().Dimensions[0] is > 0 and var batch ? batch : null;
    }

    public ModelFile Model { get; }

    /// <summary>The outputs, shallow first.</summary>
    public IReadOnlyList<ModelLayer> Layers { get; }

    public ExecutionProvider Provider { get; }

    /// <summary>As it was asked for; <see cref="Provider"/> is what came of it.</summary>
    public ExecutionDevice Device { get; }

    public int Threads { get; }

    /// <summary>The only batch size that the graph takes, or null when it takes any.</summary>
    public int? FixedBatch { get; }

    /// <param name="model">The model file.</param>
    /// <param name="layerNames">The layers to compute; all that the model has when empty.</param>
    /// <param name="device">Where to run.</param>
    /// <param name="threads">Threads within one operator.</param>
    /// <exception cref="CommandException">A layer that isn't there, a device that isn't there, or a graph that ONNX Runtime
    /// refuses.</exception>
    public static BaseNetwork Load(ModelFile model, IReadOnlyList<string> layerNames, ExecutionDevice device, int threads)
    {
        var layers = Select(model, layerNames);

        // ONNX Runtime computes the whole graph even when one early output is asked for.
        var (session, provider) = Open(model, OnnxGraph.CutTo(model.Proto, [.. layers.Select(l => l.Name)]), device, threads);
        try
        {
            return new BaseNetwork(model, layers, session, provider, device, threads);
        }
        catch (OnnxRuntimeException e)
        {
            session.Dispose();
            throw Failed(model, e);
        }
    }

    /// <summary>A session for a part of a model's graph.</summary>
    /// <exception cref="CommandException">A device that isn't there, or a graph that ONNX Runtime refuses.</exception>
    public static (InferenceSession Session, ExecutionProvider Provider) Open(
        ModelFile model, ModelProto graph, ExecutionDevice device, int threads)
    {
        using var options = new SessionOptions { IntraOpNumThreads = threads, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };

        // Threads that spin while they wait for work would take the cores from the decoding workers.
        options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
        var provider = ExecutionProvider.Configure(options, device);
        if (IntegerInstructions.Configure(options, graph) && provider is { IsCpu: true, Notice: null })
            provider = provider with { Notice = IntegerInstructions.SlowNotice };
        try
        {
            return (new InferenceSession(graph.ToByteArray(), options), provider);
        }
        catch (OnnxRuntimeException e)
        {
            throw new CommandException(
                $"ONNX Runtime can't load {model.Path}: {e.Message.ReplaceLineEndings(" ")} Import the model again.", cause: e);
        }
    }

    /// <summary>Runs a session on prepared values, in place.</summary>
    /// <remarks>
    /// On a GPU, binding an input copies it there, so it is bound anew for each run; the outputs are copied back as the last step. Nothing
    /// else is copied, and on the CPU nothing at all.
    /// </remarks>
    /// <exception cref="CommandException">ONNX Runtime failed.</exception>
    public static void Run(
        ModelFile model, InferenceSession session, IEnumerable<(string Name, OrtValue Value)> inputs,
        IEnumerable<(string Name, OrtValue Value)> outputs)
    {
        using var options = new RunOptions();
        try
        {
            using var binding = session.CreateIoBinding();
            foreach (var (name, value) in inputs)
                binding.BindInput(name, value);
            foreach (var (name, value) in outputs)
                binding.BindOutput(name, value);
            binding.SynchronizeBoundInputs();
            session.RunWithBinding(options, binding);
            binding.SynchronizeBoundOutputs();
        }
        catch (OnnxRuntimeException e)
        {
            throw Failed(model, e);
        }
    }

    /// <summary>Buffers that fit this network, to be disposed before it.</summary>
    /// <exception cref="CommandException">There is not so much memory.</exception>
    public FeatureBatch CreateBatch(int size)
    {
        try
        {
            return new FeatureBatch(size, Model.Contract.Preprocessing.Size, Layers, _outputRanks, _memory);
        }
        catch (OnnxRuntimeException e)
        {
            throw Failed(Model, e);
        }
    }

    /// <summary>Computes the features of a whole batch, in place.</summary>
    /// <exception cref="CommandException">ONNX Runtime failed.</exception>
    public void Run(FeatureBatch batch) =>
        Run(Model, _session, [(_inputName, batch.Input)], Layers.Select(l => l.Name).Zip(batch.Outputs));

    /// <summary>What to tell the user of it.</summary>
    public static CommandException Failed(ModelFile model, OnnxRuntimeException e) =>
        new($"ONNX Runtime failed while running {model.Path}: {e.Message.ReplaceLineEndings(" ")} With a GPU this is most often memory: " +
            "try a smaller --batch.", cause: e);

    public void Dispose()
    {
        ExecutionProvider.Release(_memory);
        _session.Dispose();
    }

    private static List<ModelLayer> Select(ModelFile model, IReadOnlyList<string> names)
    {
        var all = model.Contract.Layers;
        foreach (var name in names)
        {
            if (all.All(l => l.Name != name))
                throw new CommandException($"{model.Path} has no layer '{name}'. It has: {string.Join(", ", all.Select(l => l.Name))}.");
        }

        return [.. all.Where(l => names.Count == 0 || names.Contains(l.Name))];
    }
}
