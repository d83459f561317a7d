using System.Globalization;
using Headstart.CommandLine;
using Headstart.Extraction.Pipeline;

namespace Headstart.Extraction.Commands;

/// <summary>What <c>extract --profile</c> shows: where the time went, what limits, and what to change.</summary>
internal static class ProfileReport
{
    // Below this share of the run, waiting is the pipeline starting and ending.
    private const double Idle = 0.1;

    public static void Write(TextWriter output, ExtractionResult result, int workers)
    {
        if (result.Computed == 0)
        {
            output.WriteLine("Profile: nothing was computed.");
            return;
        }

        var stages = result.StageSeconds;
        output.WriteLine("stage     seconds  of the run  images/s alone");
        Line("decode", stages.Decode, workers);
        Line("resize", stages.Resize, workers);
        Line("infer", stages.Infer, 1);
        Line("write", stages.Write, 1);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"wait    {stages.Wait,9:0.00}  {stages.Wait / result.ComputeSeconds,10:0%}  (the network, for pictures)"));
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"run     {result.ComputeSeconds,9:0.00}              {result.ImagesPerSecond,14:N1}"));
        WrappedText.Write(output, "", Advice(result));

        void Line(string name, double seconds, int share) => output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{name,-8}{seconds,9:0.00}  {seconds / share / result.ComputeSeconds,10:0%}  {result.Computed * share / seconds,14:N1}"));
    }

    private static string Advice(ExtractionResult result)
    {
        var stages = result.StageSeconds;
        if (stages.Write > stages.Infer + stages.Wait)
            return "Writing limits: take fewer or deeper layers (--layer), or a faster disk.";
        return stages.Wait / result.ComputeSeconds > Idle
            ? "Decoding limits: the network waits for pictures. More cores (--threads), or pictures stored smaller, would help; a faster " +
                "device would not."
            : "The network limits: a GPU (--device cuda), a smaller base or a shallower layer (--layer) would help; decoding faster " +
                "would not.";
    }
}
