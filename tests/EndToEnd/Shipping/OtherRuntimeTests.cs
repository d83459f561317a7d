using System.Text.Json;
using Headstart.Tests.Programs;

namespace Headstart.Tests.Shipping;

/// <summary>
/// An exported file in another runtime binding: onnxruntime-node, from the npm registry. It takes pixels, so that nothing of Headstart is
/// needed on that side.
/// </summary>
public sealed class OtherRuntimeTests(ShippedModel shipped) : IClassFixture<ShippedModel>
{
    private const string Package = "onnxruntime-node@1.30.0";

    private const string Script = """
        const ort = require('onnxruntime-node');
        const fs = require('fs');
        const [model, picture] = process.argv.slice(2);
        // A binary PPM: P6, width, height, 255, then RGB bytes.
        const file = fs.readFileSync(picture);
        const header = /^P6\s+(\d+)\s+(\d+)\s+255\s/.exec(file.subarray(0, 64).toString('latin1'));
        const [width, height] = [Number(header[1]), Number(header[2])];
        const pixels = new Uint8Array(file.subarray(header[0].length));
        ort.InferenceSession.create(model).then(async session => {
          const input = new ort.Tensor('uint8', pixels, [height, width, 3]);
          const results = await session.run({ [session.inputNames[0]]: input });
          console.log(JSON.stringify({
            outputs: session.outputNames,
            probabilities: Array.from(results.probabilities.data),
            label: Number(results.label.data[0]),
          }));
        }).catch(error => { console.error(error); process.exit(1); });
        """;

    [Fact]
    public async Task Node_says_what_predict_says()
    {
        var folder = shipped.File("node");
        Directory.CreateDirectory(folder);
        await InstallAsync(folder);
        await File.WriteAllTextAsync(Path.Combine(folder, "ask.js"), Script, TestContext.Current.CancellationToken);

        // The same bytes for both: one as a BMP, which predict decodes, and one as the bare pixels.
        const int Width = 91, Height = 67;
        var pixels = new byte[Width * Height * 3];
        for (var i = 0; i < pixels.Length; i++)
            pixels[i] = (byte)((i * 7) + (i / Width * 13));
        await File.WriteAllBytesAsync(Path.Combine(folder, "p.ppm"),
            [.. System.Text.Encoding.ASCII.GetBytes($"P6 {Width} {Height} 255\n"), .. pixels], TestContext.Current.CancellationToken);
        await File.WriteAllBytesAsync(Path.Combine(folder, "p.bmp"), Bmp(Width, Height, pixels), TestContext.Current.CancellationToken);

        foreach (var model in (string[])[shipped.RawModel])
        {
            await using var node = RunningProgram.Start("node", ["ask.js", model, "p.ppm"], folder);
            var answer = JsonDocument.Parse((await node.Ended()).EndedWith(0).Output).RootElement;
            var expected = JsonDocument.Parse((await ProgramRun.Extractor(
                "predict", model, Path.Combine(folder, "p.bmp"), "--format", "jsonl")).EndedWith(0).Output).RootElement;

            Assert.Equal(["probabilities", "label"], answer.GetProperty("outputs").EnumerateArray().Select(o => o.GetString()));
            string[] classes = ["disc", "spiral"];
            for (var c = 0; c < classes.Length; c++)
                Assert.Equal(expected.GetProperty("probabilities").GetProperty(classes[c]).GetDouble(),
                    answer.GetProperty("probabilities")[c].GetDouble(), 1e-5);
            Assert.Equal(expected.GetProperty("label").GetString(), classes[answer.GetProperty("label").GetInt32()]);
        }
    }

    private static async Task InstallAsync(string folder)
    {
        foreach (var program in (string[])["node", "npm"])
        {
            try
            {
                (await ProgramRun.Of(program, "--version")).EndedWith(0);
            }
            catch (Exception e) when (e is System.ComponentModel.Win32Exception or Xunit.Sdk.XunitException)
            {
                Assert.Skip($"{program} is not here.");
            }
        }

        // The native library for each platform is inside the package; its script would only fetch the one for CUDA.
        await using var npm =
            RunningProgram.Start("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", folder, Package], folder);
        var run = await npm.Ended();
        Assert.SkipUnless(run.ExitCode == 0, $"npm can't install {Package} here: {run.Error.Split('\n')[0]}");
    }

    private static byte[] Bmp(int width, int height, byte[] rgb)
    {
        var stride = ((width * 3) + 3) / 4 * 4;
        var file = new byte[54 + (stride * height)];
        "BM"u8.CopyTo(file);
        BitConverter.TryWriteBytes(file.AsSpan(2), file.Length);
        file[10] = 54;
        file[14] = 40;
        BitConverter.TryWriteBytes(file.AsSpan(18), width);
        BitConverter.TryWriteBytes(file.AsSpan(22), height);
        file[26] = 1;
        file[28] = 24;
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                var (from, to) = (((y * width) + x) * 3, 54 + ((height - 1 - y) * stride) + (x * 3));
                (file[to], file[to + 1], file[to + 2]) = (rgb[from + 2], rgb[from + 1], rgb[from]);
            }
        }

        return file;
    }
}
