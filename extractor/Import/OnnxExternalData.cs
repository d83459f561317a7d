using Google.Protobuf;
using Headstart.Models.Onnx;

namespace Headstart.Extraction.Import;

/// <summary>Brings weights that an exporter put beside the ONNX file into it, so that a model is one file.</summary>
internal static class OnnxExternalData
{
    /// <exception cref="CommandException">The other file is missing, too short, or outside the model's folder.</exception>
    public static void Inline(ModelProto model, string path)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        foreach (var tensor in model.Graph.Initializer.Where(t => t.DataLocation == TensorProto.Types.DataLocation.External))
        {
            var entries = tensor.ExternalData.ToDictionary(e => e.Key, e => e.Value);
            var location = entries.GetValueOrDefault("location", "");
            var file = Path.GetFullPath(Path.Combine(folder, location));
            if (location.Length == 0 || !file.StartsWith(folder + Path.DirectorySeparatorChar, StringComparison.Ordinal))
                throw new CommandException(
                    $"{path} says that '{tensor.Name}' is in '{location}', outside its own folder; that is not followed.");
            try
            {
                using var stream = File.OpenRead(file);
                var offset = long.Parse(entries.GetValueOrDefault("offset", "0"));
                var length = entries.TryGetValue("length", out var text) ? long.Parse(text) : stream.Length - offset;
                if (offset < 0 || length < 0 || offset > stream.Length || length > stream.Length - offset)
                    throw new CommandException(
                        $"{file} has {stream.Length:N0} bytes, but {path} wants '{tensor.Name}' from {offset:N0} on, {length:N0} bytes.");
                var bytes = new byte[length];
                stream.Position = offset;
                stream.ReadExactly(bytes);
                tensor.RawData = ByteString.CopyFrom(bytes);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or FormatException or OverflowException)
            {
                throw new CommandException(
                    $"{path} keeps '{tensor.Name}' in {location}, which can't be read: {e.Message} Put it beside the .onnx file.",
                    cause: e);
            }

            tensor.ExternalData.Clear();
            tensor.ClearDataLocation();
        }
    }
}
