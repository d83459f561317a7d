using System.Globalization;
using Headstart.CommandLine;
using Headstart.Trainer.Evaluation;
using Headstart.Trainer.Features;
using Headstart.Trainer.Heads;
using Headstart.Trainer.Reports;
using Headstart.Trainer.Tensors;
using Headstart.Trainer.Training;
using TorchSharp;

namespace Headstart.Trainer.Runs;

/// <summary>What <c>trainer train</c> tells a person, in lines of at most 80 columns (names and paths apart).</summary>
internal sealed class TrainWords(TextWriter output, TrainingOptions options)
{
    public void Begin(TrainingData data, Head head, torch.Device device)
    {
        var (cache, split, layer) = (data.Cache, data.Split, data.Layer);
        var caches = string.Join(", ", data.Joined.Caches.Select(c => c.Folder));
        Line($"{caches}: {split.TrainImages:N0} to train, {split.Validation.Count:N0} to validate, {split.How}");
        if (split.Train.Count > split.TrainImages)
            Line($"{split.Train.Count:N0} views of the images to train; an epoch draws one of each image");
        Line($"{data.Classes.Count} classes: {Shorten(data.Classes)}");
        Line($"{layer.Name} ({layer.Shape}) of {cache.Contract.Model}, on the {TrainingDevice.Describe(device)}");
        Line($"head: {head.Plan.Spec}, output({head.Plan.Outputs}); {head.Plan.Parameters:N0} parameters");
        if (cache.Contract.ModelNote is { } note)
            WrappedText.Write(output, "note: ", note);
        foreach (var line in split.Notes)
            WrappedText.Write(output, "note: ", line);
    }

    /// <summary>A job that is started again after it was done has nothing to do, which is no failure.</summary>
    public static void Finished(TextWriter output, string run, RunResult result) => output.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"{run} is finished: {(result.IsPlain ? "plain " : "")}validation accuracy {result.Val.Accuracy:0.0000}, loss " +
        $"{result.Val.Loss:0.0000}. There is nothing to resume."));

    /// <summary>Says how the features are read, where that is not the usual way.</summary>
    public void Memory(MemoryPlan memory, TrainingData data, Head head)
    {
        if (memory.BlockRows is not { } rows)
            return;
        var features = (double)data.Split.Train.Count * head.Plan.Stored.Length * sizeof(float) / (1 << 30);
        var limit = memory.Limit is { } size ? $"within {size}" : "without a limit";
        Line($"{features:0.0} GiB of features stay on disk, {limit}; shuffled in blocks of {rows:N0} images");
        foreach (var line in BlockMixture.Notes(data, rows, options.Seed))
            WrappedText.Write(output, "note: ", line);
    }

    /// <summary>Says where a run goes on, where it was asked to.</summary>
    public void Resume(RunSession session)
    {
        if (!session.Control.Resume)
            return;
        var begun = session.Begun;
        Line(begun is null
            ? $"{session.Folder}: nothing to resume, begins with epoch 1"
            : $"{session.Folder}: begun {begun.Started:yyyy-MM-dd HH:mm} UTC, goes on with epoch {session.Checkpoint.Epochs.Count + 1}");
        if (begun is null)
            return;
        var (then, now) = ((begun.Versions, begun.Threads), (RunVersions.Current, torch.get_num_threads()));
        if (then != now)
        {
            WrappedText.Write(output, "note: ", $"It was begun with {Describe(then)}, and this is {Describe(now)}: " +
                "the last bits of the numbers may differ from those of a run in one go.");
        }

        static string Describe((RunVersions Versions, int Threads) with) =>
            $"Headstart {with.Versions.Headstart}, TorchSharp {with.Versions.TorchSharp}, {with.Versions.Dotnet}, " +
            $"{with.Versions.System}, {with.Threads} threads";
    }

    public void Epoch(EpochRecord epoch)
    {
        if (options.Optimizer == OptimizerChoice.Lbfgs)
        {
            Line($"solved   {Show("", epoch.Train)}   {Show("val ", epoch.Val)}  {epoch.Seconds:0.00} s");
            return;
        }

        var width = options.Epochs.ToString(CultureInfo.InvariantCulture).Length;
        var number = epoch.Epoch.ToString(CultureInfo.InvariantCulture).PadLeft(width);
        Line($"epoch {number}/{options.Epochs}  {Show("", epoch.Train)}   {Show("val ", epoch.Val)}  {epoch.Seconds:0.00} s");
    }

    public void End(TrainRequest arguments, RunResult result)
    {
        var auc = result.Val.Auc is { } area ? $", AUC {area:0.0000}" : "";
        Line("");
        Line($"validation accuracy {result.Val.Accuracy:0.0000}{AccuracyInterval(result)}, loss {result.Val.Loss:0.0000}{auc}");
        Plain(output, result);
        Line($"kept: epoch {result.SavedEpoch} of {result.Epochs}{Decisions(result)}");
        if (result.Note is { } note)
            WrappedText.Write(output, "note: ", note);
        if (result.Solution is { } solution)
        {
            var how = solution.Converged ? "the exact solution" : "NOT converged: raise --l2, or normalise with l2norm";
            Line($"{solution.Iterations} iterations; slope left {solution.Gradient:0.0e+0} of the first: {how}");
        }

        if (result.BestEpoch != result.SavedEpoch)
            Line($"The lowest validation loss was in epoch {result.BestEpoch}: --early-stop keeps that one.");
        Line($"{result.Seconds:0.0} s, of which loading {result.LoadSeconds:0.0} s; {result.RowsPerSecond:N0} images/s");
        Line($"{arguments.Out}: {RunReport.FileName}, {RunFolder.RunName}, {RunFolder.HeadName}");
        Line("");
        if (arguments.Val is not null || arguments.Caches.Count == 1)
            Line($"Next: trainer evaluate {ShellWord.Quote(arguments.Out)} {ShellWord.Quote(arguments.Val ?? arguments.Cache)}");
        Line("Another head takes seconds:");
        // A pooled head has a few hundred weights where the reference head has millions: at the reference's rate it would hardly move.
        var next = new TrainRequest
        {
            Cache = arguments.Cache,
            More = arguments.More,
            Out = arguments.Out.TrimEnd('/') + "-2",
            Val = arguments.Val,
            ValSplit = arguments.ValSplit,
            Layer = arguments.Layer,
            ClassWeights = arguments.ClassWeights,
            EarlyStop = arguments.EarlyStop,
            Seed = arguments.Seed,
            Device = arguments.Device,
            Memory = arguments.Memory,
        };
        var other = arguments.Head.Trim().StartsWith("gap", StringComparison.OrdinalIgnoreCase)
            ? next
            : next with { Head = "gap", LearningRate = 1e-3, Epochs = 30 };
        Line($"  {other.Command}");
    }

    /// <summary>What the lines of the epochs have, where the model that ships has other figures.</summary>
    internal static void Plain(TextWriter output, RunResult result)
    {
        if (PlainWords.Of(result.Validation) is { } words)
            WrappedText.Write(output, "plain: ", words);
    }

    internal static string AccuracyInterval(RunResult result) =>
        result.Validation?.Intervals.Accuracy is { } found
            ? string.Create(CultureInfo.InvariantCulture, $" ({found.Low:0.00}-{found.High:0.00})")
            : "";

    internal static string Decisions(RunResult result) => result.Calibration switch
    {
        null => "",
        { Threshold: { } threshold } calibration =>
            string.Create(CultureInfo.InvariantCulture, $"; temperature {calibration.Temperature:0.###}, threshold {threshold:0.####}"),
        var calibration => string.Create(CultureInfo.InvariantCulture, $"; temperature {calibration.Temperature:0.###}"),
    };

    private static string Show(string prefix, Figures figures) =>
        string.Create(CultureInfo.InvariantCulture, $"{prefix}loss {figures.Loss:0.0000} acc {figures.Accuracy:0.0000}");

    private static string Shorten(IReadOnlyList<string> names) =>
        names.Count <= 6 ? string.Join(", ", names) : $"{string.Join(", ", names.Take(5))}, ... {names[^1]}";

    private void Line(FormattableString text) => output.WriteLine(text.ToString(CultureInfo.InvariantCulture));

    private void Line(string text) => output.WriteLine(text);
}
