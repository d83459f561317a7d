using Headstart.Cache;
using Headstart.Images;
using Headstart.Models;
using Headstart.Models.Onnx;
using Headstart.Preprocessing;
using Headstart.Trainer.Evaluation;
using Headstart.Trainer.Export;
using Headstart.Trainer.Heads;
using Headstart.Trainer.Runs;
using Headstart.Trainer.Training;
using static TorchSharp.torch;

namespace Headstart.Tests.Export;

/// <summary>
/// A small base with seeded weights, and runs whose heads have learnt nothing but whose weights, and batch norm's statistics, are all
/// different.
/// </summary>
internal sealed class ExportSample : IDisposable
{
    private const int Size = 20;
    private const string LayerName = "block2_pool";

    /// <param name="isVgg">Whether the base says that it is a VGG (and then is a VGG11 to block 2), or any network.</param>
    /// <param name="weights">Of its convolutions; seeded ones when null.</param>
    public ExportSample(
        bool isVgg = false, ImagePreprocessing? preprocessing = null, int opset = 13, int? fixedBatch = null, bool vectorLayer = false,
        Func<VggConvolution, ConvolutionWeights>? weights = null)
    {
        var architecture = isVgg ? VggArchitecture.Vgg11 : new VggArchitecture("small", [(1, 4), (1, 6)]);
        var (proto, layers) = VggGraph.Build(architecture, [LayerName], Size, weights ?? FineTuning.VggSample.Seeded);
        proto.OpsetImport[0].Version = opset;
        if (fixedBatch is { } batch)
            proto.Graph.Input[0] = VggGraph.Describe(VggGraph.InputName, new LayerShape(3, Size, Size), batch);
        if (vectorLayer)
            layers = [PoolAll(proto, layers[0])];
        ModelFile.Save(proto, new ModelContract
        {
            Name = "small",
            Architecture = isVgg ? architecture.Name : "onnx",
            Preprocessing = (preprocessing ?? Presets.Keras) with
            {
                Preset = "custom",
                Size = Size,
                ShortSide = preprocessing?.ShortSide is null ? null : Size + 5,
            },
            Layers = layers,
            Weights = new WeightsSource("seeded", new string('0', 64)),
            FixedBatch = fixedBatch,
        }, BasePath);
        Base = ModelFile.Load(BasePath);
    }

    public TemporaryFolder Folder { get; } = new();

    public string BasePath => Folder.File("base.onnx");

    public string RunFolderPath => Folder.File("run");

    public ModelFile Base { get; }

    /// <summary>Pictures drawn from a seed.</summary>
    public static CheckPictures Pictures => CheckPictures.Find(null, null, ExifOrientation.Ignore);

    /// <summary>Writes a run into the folder of the sample.</summary>
    /// <param name="spec">Its head.</param>
    /// <param name="classes">How many.</param>
    /// <param name="gain">Multiplies the head's weights.</param>
    /// <param name="images">The folder that the cache says its images are in.</param>
    public RunFile WriteRun(string spec = "flatten, dense(8, relu)", int classes = 2, double gain = 1, string? images = null)
    {
        var layer = Base.Contract.Layers[0];
        using var head = new Head(HeadPlan.Create(HeadSpec.Parse(spec), layer, classes), seed: 5, CPU);
        Shake(head, gain);
        string[] names = [.. Enumerable.Range(0, classes).Select(i => $"class{i}")];
        var contract = new CacheContract
        {
            Model = Base.Contract.Name,
            ModelSha256 = Base.Sha256,
            Preprocessing = Base.Contract.Preprocessing,
            Precision = "float32",
            Layers = [layer],
            Provider = "cpu",
            Tool = "test",
            ImageFolder = images,
        };
        var figures = new Figures(0.5, 0.75, 0.8);
        var run = new RunFile
        {
            Command = "trainer train",
            Started = TimeProvider.System.GetUtcNow(),
            Versions = RunVersions.Current,
            Cache = new RunCache(Folder.File("cache"), 10, contract, "images"),
            Split = new RunSplit("drawn", 8, 2, 0.2),
            Layer = layer,
            Head = spec,
            Classes = names,
            Options = new TrainingOptions(),
            Device = "cpu",
            Result = new RunResult
            {
                Classes = names,
                Epochs = 1,
                BestEpoch = 1,
                SavedEpoch = 1,
                Train = figures,
                Val = figures,
                LoadSeconds = 1,
                Seconds = 1,
                SecondsPerEpoch = 1,
                RowsPerSecond = 1,
                Parameters = 1,
                TrainableParameters = 1,
                PeakMemoryBytes = 1,
            },
        };
        using var folder = RunFolder.Create(RunFolderPath, resume: false);
        folder.Finish(run, head);
        return run;
    }

    public ModelExport Export(RunFile run, ExportOptions? options = null, ModelFile? model = null) =>
        new(run, RunFolderPath, model ?? Base, options ?? new ExportOptions());

    public void Dispose() => Folder.Dispose();

    // Every parameter and every running statistic gets a value of its own; variances stay positive.
    private static void Shake(Head head, double gain)
    {
        using var noGradient = no_grad();
        foreach (var (name, value) in head.State)
        {
            using var scope = NewDisposeScope();
            using var generator = new Generator((ulong)name.Length);
            var noise = rand(value.shape, generator: generator);
            if (name.EndsWith("running_var", StringComparison.Ordinal))
                value.copy_(noise + 0.1);
            else
                value.add_((noise - 0.5) * 0.2).mul_(gain);
        }
    }

    private static ModelLayer PoolAll(ModelProto proto, ModelLayer layer)
    {
        var pool = new NodeProto { OpType = "GlobalAveragePool", Name = "pooled" };
        pool.Input.Add(layer.Name);
        pool.Output.Add("pooled");
        var flat = new NodeProto { OpType = "Flatten", Name = "vector" };
        flat.Input.Add("pooled");
        flat.Output.Add("vector");
        proto.Graph.Node.AddRange([pool, flat]);
        var shape = new TensorShapeProto();
        shape.Dim.AddRange([new() { DimParam = "batch" }, new() { DimValue = layer.Shape.Channels }]);
        proto.Graph.Output.Clear();
        proto.Graph.Output.Add(new ValueInfoProto
        {
            Name = "vector",
            Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = 1, Shape = shape } },
        });
        return new ModelLayer("vector", new LayerShape(layer.Shape.Channels, 1, 1));
    }
}
