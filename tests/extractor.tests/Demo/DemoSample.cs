using Headstart.Extraction.Demo;
using Headstart.Images;

namespace Headstart.Tests.Demo;

/// <summary>Pictures in memory, without files.</summary>
internal static class DemoSample
{
    public static (int Class, string Split, RgbImage Image)[] Draw(int classes, int perClass, int seed)
    {
        var options = new DemoSetOptions { Classes = classes, PerClass = perClass, Seed = seed };
        return [.. options.Items().AsParallel().AsOrdered().Select(item => (item.Class, item.Split, DemoSet.Draw(options, item)))];
    }
}
