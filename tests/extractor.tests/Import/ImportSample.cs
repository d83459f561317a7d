using Google.Protobuf;
using Headstart.Extraction.Import;
using Headstart.Models.Onnx;
using Headstart.Preprocessing;
using Headstart.Tests.Models;

namespace Headstart.Tests.Import;

/// <summary>Runs an import in a folder of its own.</summary>
internal sealed class ImportSample : IDisposable
{
    public TemporaryFolder Folder { get; } = new();

    public void Dispose() => Folder.Dispose();

    /// <summary>Options with a preset that leaves pixels as they are.</summary>
    public ImportOptions Options(string weights, int size = 8, params string[] layers)
    {
        var preset = Folder.File($"preset{size}.json");
        HeadstartJsonFile(preset, OnnxSamples.Plain with { Size = size });
        return new ImportOptions { Weights = weights, Out = Folder.File("out.onnx"), Preset = preset, Layers = layers };
    }

    public ImportedModel Import(string weights, int size = 8, params string[] layers) => ModelImport.Run(Options(weights, size, layers));

    public ImportedModel Import(ModelProto model, params string[] layers) => Import(OnnxSamples.Write(Folder, "in.onnx", model), 8, layers);

    /// <summary>What the imported graph computes from NCHW images.</summary>
    public static IReadOnlyDictionary<string, ProbeOutput> Run(ImportedModel model, params float[][] images)
    {
        using var probe = GraphProbe.Open(model.Proto, "imported");
        return probe.Run(images, model.Contract.Preprocessing.Size);
    }

    /// <summary>The initialisers as bytes, by name.</summary>
    public static Dictionary<string, ByteString> Initialisers(ImportedModel model) =>
        model.Proto.Graph.Initializer.ToDictionary(t => t.Name, t => t.ToByteString());

    private static void HeadstartJsonFile(string path, ImagePreprocessing preprocessing) =>
        File.WriteAllText(path, System.Text.Json.JsonSerializer.Serialize(preprocessing, HeadstartJson.Indented));
}
