using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json;
using Headstart.Images;

namespace Headstart.Tests.Images;

/// <summary>What the PIL of this machine makes of files, and what the decoder makes of them, in the same words.</summary>
internal static class PilPixels
{
    public const string Rejected = "rejected";

    private const string Python = "/usr/bin/python3";

    /// <summary>
    /// For each path on standard input: the size and SHA-256 of PIL's RGB pixels, or "rejected"; 16-bit gray by its upper byte.
    /// </summary>
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

    /// <summary>An answer a file, in words: size and digest of the pixels, or "rejected". Skips the test where there is no PIL.</summary>
    public static string[] Read(string[] paths)
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

    /// <summary>The decoder's answer.</summary>
    public static string OfOurs(byte[] file)
    {
        try
        {
            var image = ImageDecoder.Decode(file, ExifOrientation.Ignore);
            return $"{image.Width} x {image.Height} {Convert.ToHexStringLower(SHA256.HashData(image.Pixels))}";
        }
        catch (ImageRejectedException)
        {
            return Rejected;
        }
    }
}
