using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json;
using Headstart.Images;
using Headstart.Preprocessing;

namespace Headstart.Tests.Images;

/// <summary>Real photographs and hard files in ../shared/data, beside PIL on this machine. Extra: skipped where either is missing.</summary>
public sealed class SharedPictureTests
{
    private const string Python = "/usr/bin/python3";

    /// <summary>For each path on standard input: the size and SHA-256 of PIL's RGB pixels, or "rejected"; 16-bit gray by its upper byte.</summary>
    private const string Script = """
        import hashlib, json, sys, warnings
        import numpy as np
        from PIL import Image
        warnings.simplefilter("ignore")
        def read(path):
            try:
                image = Image.open(path)
                if image.mode in ("I", "I;16"):
                    image = Image.fromarray((np.asarray(image).astype(np.int64) >> 8).astype(np.uint8))
                image = image.convert("RGB")
                return f"{image.width} x {image.height} {hashlib.sha256(image.tobytes()).hexdigest()}"
            except Exception:
                return "rejected"
        print(json.dumps([read(path) for path in sys.stdin.read().split("\n")]))
        """;

    [Theory]
    [InlineData("nasty", 1000)]
    [InlineData("cats-dogs/val", 40)]
    [InlineData("flowers/val", 40)]
    public void Pixels_equal_PILs_and_what_PIL_rejects_is_rejected(string folder, int most)
    {
        var root = SharedMaterial.Find($"data/{folder}");
        string[] paths = [.. Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Take(most)];
        var theirs = Pil(paths);

        var ours = paths.Select(path =>
        {
            try
            {
                var image = ImageDecoder.Decode(File.ReadAllBytes(path), ExifOrientation.Ignore);
                return $"{Path.GetFileName(path)}: {image.Width} x {image.Height} {Convert.ToHexStringLower(SHA256.HashData(image.Pixels))}";
            }
            catch (ImageRejectedException)
            {
                return $"{Path.GetFileName(path)}: rejected";
            }
        });

        Assert.Equal(paths.Zip(theirs, (path, theirs) => $"{Path.GetFileName(path)}: {theirs}"), ours);
    }

    private static string[] Pil(string[] paths)
    {
        Assert.SkipUnless(File.Exists(Python), $"{Python} isn't there.");
        using var process = Process.Start(new ProcessStartInfo(Python, ["-c", Script])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        process.StandardInput.Write(string.Join('\n', paths));
        process.StandardInput.Close();
        var errors = process.StandardError.ReadToEndAsync();
        var answer = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.SkipUnless(process.ExitCode == 0, $"{Python} has no PIL or no numpy: {errors.Result.Trim().Split('\n')[^1]}");
        return JsonSerializer.Deserialize<string[]>(answer)!;
    }
}
