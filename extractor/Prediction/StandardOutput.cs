using System.Runtime.InteropServices;

namespace Headstart.Extraction.Prediction;

/// <summary>Whether anybody still reads what the program writes.</summary>
internal static partial class StandardOutput
{
    private const short Error = 0x0008; // POLLERR
    private const int Descriptor = 1;

    /// <summary>True when standard output is a pipe whose reader (<c>head</c>, say) has ended.</summary>
    /// <remarks>.NET takes the failed write itself for granted and says nothing. On Windows always false.</remarks>
    public static bool ReaderIsGone()
    {
        if (OperatingSystem.IsWindows())
            return false;
        var poll = new PollDescriptor { Descriptor = Descriptor };
        return Poll(ref poll, 1, 0) > 0 && (poll.Found & Error) != 0;
    }

    [LibraryImport("libc", EntryPoint = "poll")]
    private static partial int Poll(ref PollDescriptor descriptors, nuint count, int milliseconds);

    [StructLayout(LayoutKind.Sequential)]
    private struct PollDescriptor
    {
        public int Descriptor;
        public short Wanted;
        public short Found;
    }
}
