using Cocona;
using Cocona.Application;
using Headstart.CommandLine;
using Headstart.Models;
using Headstart.Trainer.Export;
using Headstart.Trainer.Runs;

namespace Headstart.Trainer.Commands;

/// <summary><c>trainer export</c>: a run and its base in, one ONNX file out.</summary>
public sealed class ExportCommand
{
    [Command("export", Description = "Join a run's head to its base: one ONNX file that takes images and gives probabilities.")]
    public async Task RunAsync(
        [Argument("RUN", Description = "The folder of a finished run.")] string run,
        [Option("model", Description = "The base that made the run's cache.")] string model,
        [Option("out", Description = "The file to write; replaced only by one that passed the check.")] string @out,
        [FromService] ICoconaAppContextAccessor context,
        [Option("images", Description = "Images to check the file on: a folder, a CSV or one image. The cache's own, where they can be " +
            "read, when left out.")] string? images = null,
        [Option("raw-input", Description = "Take one picture's pixels, uint8 height x width x 3 of any size, and do the resize and the " +
            "normalisation in the model.")] bool rawInput = false,
        [Option("precision", Description = "float16 halves the file: kernels are stored as float16, arithmetic stays float32.")]
        WeightPrecision precision = WeightPrecision.Float32,
        [Option("allow-other-base",
            Description = "Join the head to a base that it didn't learn from (a quantised one, say), and say what that changes.")]
        bool allowOtherBase = false,
        [Option("json", Description = "One JSON object on standard output, words on standard error.")] bool json = false)
    {
        if (!Enum.IsDefined(precision))
            throw CommandException.Usage($"--precision {precision}: there are float32 and float16.");
        if (Path.GetFullPath(@out) == Path.GetFullPath(model))
            throw CommandException.Usage($"--out {@out} is the base itself. Name another file.");
        var cancellationToken = context.Current!.CancellationToken;
        var options = new ExportOptions { RawInput = rawInput, Precision = precision, AllowOtherBase = allowOtherBase };
        var runFile = RunFolder.Read(run);
        var baseFile = ModelFile.LoadBase(model);
        using var export = new ModelExport(runFile, run, baseFile, options);
        var pictures = CheckPictures.Find(images, runFile.Cache.Contract.ImageFolder, baseFile.Contract.Preprocessing.Exif);
        var made = export.Make(@out, pictures);
        AtomicFile.Write(@out, stream => stream.Write(made.Bytes));
        var words = new ExportWords(json ? Console.Error : Console.Out);
        words.Published(@out, made);
        var change = export.IsOwnBase ? null : await MeasureAsync(export, made, @out, images, words, cancellationToken);
        words.Next(@out);
        if (json)
        {
            JsonOutput.Write(new
            {
                file = @out,
                bytes = made.Bytes.LongLength,
                prediction = made.Contract.Prediction,
                precision = made.Contract.Precision,
                made.Check,
                tolerance = ProvenModel.Tolerance,
                made.Rounded,
                otherBase = change,
            });
        }
    }

    private static async Task<OtherBaseChange?> MeasureAsync(
        ModelExport export, ProvenModel made, string path, string? images, ExportWords words, CancellationToken cancellationToken)
    {
        using var exported = new ExportedModel(made.Bytes, path, made.Contract);
        try
        {
            var change = await export.MeasureOtherBaseAsync(exported, images, cancellationToken);
            words.OtherBase(change);
            return change;
        }
        catch (CommandException e)
        {
            words.OtherBaseUnknown(e.Message);
            return null;
        }
    }
}
