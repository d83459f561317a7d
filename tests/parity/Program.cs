using System.Runtime.InteropServices;
using System.Text;
using Headstart.Images;
using Headstart.Parity;
using Headstart.Preprocessing;

// parity features CACHE LAYER > FEATURES: see CachedFeatures.
if (args is ["features", var cache, var layer])
{
    await CachedFeatures.WriteAsync(cache, layer, Console.OpenStandardOutput());
    return 0;
}

// parity decode|decode-upright|PRESET < PATHS > ANSWERS
//
// For each path (one a line) one answer, all numbers little-endian: int32 kind. 0: int32 length and the reason in UTF-8.
// 1: int32 width, int32 height, and the RGB bytes (decode) or the 3 x size x size floats (a preset).
if (args is not [var mode])
{
    Console.Error.WriteLine("usage: parity decode|decode-upright|PRESET < PATHS > ANSWERS\n       parity features CACHE LAYER > FEATURES");
    return 2;
}

var exif = mode == "decode-upright" ? ExifOrientation.Honour : ExifOrientation.Ignore;
var preset = mode.StartsWith("decode", StringComparison.Ordinal) ? null : Presets.Resolve(mode);
var preprocessor = preset is null ? null : new ImagePreprocessor(preset);
var chw = new float[preprocessor?.Length ?? 0];
using var answers = new BinaryWriter(new BufferedStream(Console.OpenStandardOutput(), 1 << 20));
while (Console.In.ReadLine() is { } path)
{
    try
    {
        var image = ImageDecoder.Decode(File.ReadAllBytes(path), exif);
        answers.Write(1);
        if (preprocessor is null)
        {
            answers.Write(image.Width);
            answers.Write(image.Height);
            answers.Write(image.Pixels);
        }
        else
        {
            preprocessor.Apply(image, chw);
            answers.Write(preset!.Size);
            answers.Write(preset.Size);
            answers.Write(MemoryMarshal.AsBytes<float>(chw));
        }
    }
    catch (ImageRejectedException e)
    {
        var reason = Encoding.UTF8.GetBytes(e.Message);
        answers.Write(0);
        answers.Write(reason.Length);
        answers.Write(reason);
    }
}

return 0;
