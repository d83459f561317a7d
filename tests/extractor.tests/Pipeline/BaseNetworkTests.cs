using Headstart.Extraction.Runtime;
using Headstart.Images;
using Headstart.Models;
using Microsoft.ML.OnnxRuntime;

namespace Headstart.Tests.Pipeline;

public sealed class BaseNetworkTests : IDisposable
{
    private const int Batch = 3;

    private readonly TemporaryFolder _folder = new();
    private readonly ModelFile _model;

    public BaseNetworkTests() => _model = TinyNetwork.Write(_folder.File("tiny.onnx"));

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_bound_batch_gives_what_a_plain_run_gives_bit_for_bit_and_again_when_it_is_used_again()
    {
        using var network = BaseNetwork.Load(_model, [], ExecutionDevice.Cpu, threads: 1);
        using var batch = network.CreateBatch(Batch);
        AssertAsPlainRun(network, batch, seed: 1);
        AssertAsPlainRun(network, batch, seed: 2);
    }

    /// <summary>
    /// As on a GPU, whose page-locked memory is its session's; here the session's own memory on the CPU stands in for it.
    /// </summary>
    [Fact]
    public void So_does_a_batch_in_memory_of_a_session_s_allocator()
    {
        using var network = BaseNetwork.Load(_model, [], ExecutionDevice.Cpu, threads: 1);
        using var session = new InferenceSession(_model.Path);
        using var allocator = new OrtAllocator(session, OrtMemoryInfo.DefaultInstance);
        using var batch = new FeatureBatch(Batch, 32, network.Layers, [4, 4], allocator);
        AssertAsPlainRun(network, batch, seed: 3);
    }

    private void AssertAsPlainRun(BaseNetwork network, FeatureBatch batch, int seed)
    {
        var random = new Random(seed);
        batch.Assign(
            [.. Enumerable.Range(0, Batch).Select(i => new PlannedRow(new ImageItem($"{i}.jpg", $"{i}.jpg", null, null), View: 0))]);
        var input = new float[Batch * 3 * 32 * 32];
        for (var i = 0; i < input.Length; i++)
            input[i] = random.NextSingle();
        for (var slot = 0; slot < Batch; slot++)
            input.AsSpan(slot * 3 * 32 * 32, 3 * 32 * 32).CopyTo(batch.InputOf(slot));

        network.Run(batch);

        using var options = new SessionOptions { IntraOpNumThreads = 1 };
        using var session = new InferenceSession(_model.Path, options);
        using var tensor = OrtValue.CreateTensorValueFromMemory(input, [Batch, 3, 32, 32]);
        using var run = new RunOptions();
        using var expected = session.Run(run, [session.InputNames[0]], [tensor], [.. network.Layers.Select(l => l.Name)]);
        for (var layer = 0; layer < network.Layers.Count; layer++)
        {
            float[] found = [.. Enumerable.Range(0, Batch).SelectMany(slot => batch.FeaturesOf(slot)[layer].ToArray())];
            Assert.Equal(expected[layer].GetTensorDataAsSpan<float>().ToArray(), found);
        }
    }
}
