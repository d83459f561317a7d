namespace Headstart.Extraction.Import;

internal enum WeightsFormat
{
    Onnx,
    Safetensors,
    Hdf5,
}

/// <summary>Tells what a weight file is from its first bytes, because names lie.</summary>
internal static class WeightsFormats
{
    private static ReadOnlySpan<byte> Hdf5Signature => [0x89, (byte)'H', (byte)'D', (byte)'F', 0x0D, 0x0A, 0x1A, 0x0A];

    /// <exception cref="CommandException">A pickle (never read: it may run any program), or nothing that Headstart knows.</exception>
    public static WeightsFormat Of(string path)
    {
        Span<byte> head = stackalloc byte[16];
        int length;
        try
        {
            using var stream = File.OpenRead(path);
            length = stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException($"Can't read {path}: {e.Message}", cause: e);
        }

        head = head[..length];
        var extension = Path.GetExtension(path).ToLowerInvariant();
        if (head.StartsWith(Hdf5Signature))
            return WeightsFormat.Hdf5;
        if (extension == ".keras" && head.StartsWith("PK"u8))
        {
            throw new CommandException($"{path} is a .keras archive. Write the weights alone, with " +
                "model.save_weights(\"vgg16.weights.h5\"), and import that file.");
        }

        // Pickles: torch's zip archive, and the bare protocol 2 to 5 of older files.
        if (head.StartsWith("PK"u8) || (head.Length > 1 && head[0] == 0x80 && head[1] is >= 2 and <= 5)
            || extension is ".pth" or ".pt" or ".bin" or ".pkl")
        {
            throw new CommandException(
                $"{path} is a pickle, which may run any program when it is read; Headstart never reads one. Convert it where you " +
                $"trust it: python3 scripts/export_vgg16.py --weights {path} --out vgg16.safetensors, then import that file.");
        }

        if (extension == ".safetensors" || (extension != ".onnx" && head.Length > 8 && head[8] == '{'))
            return WeightsFormat.Safetensors;
        if (extension == ".onnx" || (head.Length > 1 && head[0] == 0x08))
            return WeightsFormat.Onnx;
        throw new CommandException(
            $"{path} is not a weight file that Headstart knows ({length} bytes looked at). Pass a .h5, .safetensors or .onnx file.");
    }
}
