using System.Diagnostics;
using System.Text.Json;
using Headstart.Extraction.Shelf;
using Headstart.Models;
using Headstart.Tests.Import;

namespace Headstart.Tests.Shelf;

/// <summary>The commands as a user runs them: the built program, with an environment of its own.</summary>
public sealed class FetchCommandTests : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly LoopbackServer _server = new(WeightFiles.Safetensors(Vgg11()));

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _folder.Dispose();
    }

    [Fact]
    public async Task The_shelf_is_listed_for_people_and_for_programs()
    {
        var text = await RunAsync([], "model", "list");
        var json = await RunAsync([], "model", "list", "--json");

        Assert.Equal((ExitCode.Done, ExitCode.Done), (text.Code, json.Code));
        var names = JsonDocument.Parse(json.Output).RootElement.GetProperty("models").EnumerateArray()
            .Select(m => m.GetProperty("name").GetString()!).ToArray();
        Assert.Equal(ModelShelf.Load().Models.Select(m => m.Name), names);
        Assert.All(names, n => Assert.Contains($"{n}{Environment.NewLine}", text.Output, StringComparison.Ordinal));
        Assert.All(text.Output.Split(Environment.NewLine), line => Assert.InRange(line.Length, 0, 80));
    }

    [Fact]
    public async Task A_model_is_fetched_checked_and_imported_with_the_shelfs_preset()
    {
        var first = await RunAsync([], "model", "fetch", "vgg11-torchvision", "--from", _server.Address, "--out", "base.onnx");

        Assert.True(first.Code == ExitCode.Done, first.Error);
        Assert.StartsWith("Licence  BSD-3-Clause", first.Output, StringComparison.Ordinal);
        Assert.Contains("Only the base's tensors were fetched", first.Output, StringComparison.Ordinal);
        var model = ModelFile.Load(_folder.File("base.onnx"));
        Assert.Equal(
            ("vgg11", "torchvision", 5), (model.Contract.Architecture, model.Contract.Preprocessing.Preset, model.Contract.Layers.Count));
        Assert.Contains(
            model.Proto.MetadataProps, p => p.Key == "model_license" && p.Value.StartsWith("BSD-3-Clause", StringComparison.Ordinal));

        var verified = await RunAsync([], "model", "verify", "base.onnx", "--json");
        Assert.True(verified.Code == ExitCode.Done, verified.Error);
        var shelf = JsonDocument.Parse(verified.Output).RootElement.GetProperty("shelf");
        Assert.Equal(("vgg11-torchvision", true), (shelf.GetProperty("model").GetString(), shelf.GetProperty("isChecked").GetBoolean()));

        var second = await RunAsync([], "model", "fetch", "vgg11-torchvision", "--out", "again.onnx", "--json", "--layer", "block1_pool");
        Assert.True(second.Code == ExitCode.Done, second.Error);
        var json = JsonDocument.Parse(second.Output).RootElement;
        Assert.Equal(0, json.GetProperty("weights").GetProperty("receivedBytes").GetInt64());
        Assert.Single(json.GetProperty("model").GetProperty("contract").GetProperty("layers").EnumerateArray());
    }

    [Fact]
    public async Task The_proxy_of_the_environment_is_used()
    {
        var run = await RunAsync(
            new()
            {
                ["HTTP_PROXY"] = new Uri(_server.Address).GetLeftPart(UriPartial.Authority),
                ["http_proxy"] = null,
                ["NO_PROXY"] = null,
                ["no_proxy"] = null,
            },
            "model", "fetch", "vgg11-torchvision", "--from", "http://mirror.invalid/weights.safetensors", "--out", "base.onnx");

        Assert.True(run.Code == ExitCode.Done, run.Error);
        Assert.All(_server.Requests, r => Assert.Equal("http://mirror.invalid/weights.safetensors", r.Target));
    }

    [Theory]
    [InlineData(ExitCode.Usage, "has no model 'vgg61'", "vgg61")]
    [InlineData(ExitCode.Usage, "no layer 'block9_pool'", "vgg16", "--layer", "block9_pool")]
    [InlineData(ExitCode.Usage, "is a folder", "vgg16", "--out", ".")]
    [InlineData(ExitCode.Failed, "No such file: missing.h5", "vgg16", "--from", "missing.h5")]
    public async Task What_can_not_be_done_is_said_in_one_line(int code, string message, params string[] args)
    {
        var run = await RunAsync([], ["model", "fetch", .. args]);

        Assert.Equal(code, run.Code);
        Assert.Contains(message, run.Error, StringComparison.Ordinal);
        Assert.Single(run.Error.TrimEnd().Split('\n'));
        Assert.Empty(_server.Requests);
    }

    private static Dictionary<string, (long[] Shape, float[] Values)> Vgg11()
    {
        var tensors = new Dictionary<string, (long[], float[])>();
        foreach (var convolution in VggArchitecture.Vgg11.Convolutions)
        {
            var name = $"features.{WeightFiles.TorchPosition(VggArchitecture.Vgg11, convolution)}";
            var weights = WeightFiles.Noise(convolution);
            tensors[$"{name}.weight"] = ([convolution.OutChannels, convolution.InChannels, 3, 3], weights.Kernel);
            tensors[$"{name}.bias"] = ([convolution.OutChannels], weights.Bias);
        }

        tensors["head.fc.weight"] = ([1000, 10], new float[10_000]);
        return tensors;
    }

    private async Task<(int Code, string Output, string Error)> RunAsync(Dictionary<string, string?> environment, params string[] args)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "extractor.dll"), .. args])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = _folder.Path,
        };
        start.Environment[ShelfFolder.Variable] = _folder.File("cache");
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, output, await error);
    }
}
