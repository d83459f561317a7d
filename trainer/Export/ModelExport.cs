using System.Security.Cryptography;
using Headstart.Models;
using Headstart.Safetensors;
using Headstart.Trainer.FineTuning;
using Headstart.Trainer.Heads;
using Headstart.Trainer.Runs;

namespace Headstart.Trainer.Export;

/// <summary>
/// Joins a run's head, what it has tuned, and its base into one model file, and gives that out only where it computes what the trainer
/// computes.
/// </summary>
internal sealed class ModelExport : IDisposable
{
    private readonly RunFile _run;
    private readonly string _folder;
    private readonly ModelFile _model;
    private readonly ExportOptions _options;
    private readonly Head _head;
    private readonly IReadOnlyDictionary<string, NamedTensor> _tuned;
    private readonly ConvolutionKernels? _kernels;

    /// <param name="run">Of <paramref name="folder"/>.</param>
    /// <param name="folder">The run's.</param>
    /// <param name="model">The base.</param>
    /// <param name="kernels">Compute the trainer's convolutions; the usual ones when null.</param>
    /// <exception cref="CommandException">The base is not the run's, or the run can't be read.</exception>
    public ModelExport(RunFile run, string folder, ModelFile model, ExportOptions options, ConvolutionKernels? kernels = null)
    {
        (_run, _folder, _model, _options, _kernels) = (run, folder, model, options, kernels);
        _tuned = TunedTensors.Of(folder);
        IsOwnBase = BaseMatch.Require(run, folder, model, options.AllowOtherBase, _tuned.Count > 0);
        _head = RunFolder.LoadHead(folder, run, TorchSharp.torch.CPU);
    }

    /// <summary>Whether the base is the one whose features the head learnt from.</summary>
    public bool IsOwnBase { get; }

    /// <summary>Makes the file's bytes and compares what they compute with what the trainer computes.</summary>
    /// <param name="path">Where they are to go, for messages.</param>
    /// <param name="pictures">What both are asked about.</param>
    /// <exception cref="CommandException">Base and run don't fit each other, the two differ, or the trainer computes another base than ONNX
    /// Runtime.</exception>
    public ProvenModel Make(string path, CheckPictures pictures)
    {
        var (bytes, contract) = Build(WeightPrecision.Float32);
        var check = Require(path, Check(bytes, contract, path, pictures));
        if (_options.Precision == WeightPrecision.Float32)
            return new ProvenModel(bytes, contract, check, null);

        // What was just proven, with other weights: now the question is what rounding them does.
        (bytes, contract) = Build(_options.Precision);
        var rounded = Check(bytes, contract, path, pictures);
        return rounded.LargestChange <= ProvenModel.MostRounding
            ? new ProvenModel(bytes, contract, check, rounded)
            : throw new CommandException($"{path} was not written: on {check.Source} weights in float16 move a probability by " +
                $"{rounded.LargestChange:0.000}, and {ProvenModel.MostRounding} is allowed. " +
                "Leave --precision float16 out.");
    }

    /// <exception cref="CommandException">Base and run don't fit each other.</exception>
    internal (byte[] Bytes, ModelContract Contract) Build(WeightPrecision precision)
    {
        var decision = Decision();
        var options = _options with { Precision = precision };
        var proto = ExportedGraph.Join(_model, ExportedGraph.Base(_model, _run.Layer.Name, _tuned, _folder), _head, decision, options);
        var contract = ExportedGraph.Contract(proto, _model, decision, options);
        return (ModelFile.ToBytes(proto, contract), contract);
    }

    internal ExportCheck Check(byte[] bytes, ModelContract contract, string path, CheckPictures pictures)
    {
        var cut = ExportedGraph.Base(_model, _run.Layer.Name, _tuned, _folder);
        using var exported = new ExportedModel(bytes, path, contract);
        using var trainer = new TrainerOutput(_model, cut, _tuned, _head, _run.Layer, exported.Decision.Temperature, _kernels);
        return ExportCheck.Run(exported, trainer, pictures, _model.Contract.Preprocessing.Size);
    }

    /// <exception cref="CommandException">The check has found a difference.</exception>
    internal static ExportCheck Require(string path, ExportCheck check) => check.LargestDifference <= ProvenModel.Tolerance
        ? check
        : throw new CommandException($"{path} was not written: on {check.Source} the exported model differs from the trainer " +
            $"({check.Against}) by {check.LargestDifference:0.0e+0}, " +
            $"and {ProvenModel.Tolerance} is allowed. Please report it, with the run's run.json.");

    /// <summary>How far the allowed other base moves the head's probabilities.</summary>
    /// <exception cref="CommandException">That can't be measured.</exception>
    public Task<OtherBaseChange> MeasureOtherBaseAsync(ExportedModel exported, string? images, CancellationToken cancellationToken) =>
        OtherBaseChange.MeasureAsync(_run, _head, exported, _model.Contract.Preprocessing.Exif, images, cancellationToken);

    public void Dispose() => _head.Dispose();

    private PredictionContract Decision()
    {
        var runFile = File.ReadAllBytes(Path.Combine(_folder, RunFolder.RunName));
        return new PredictionContract
        {
            Classes = _run.Classes,
            Temperature = _run.Calibration?.Temperature ?? 1,
            Threshold = _run.Classes.Count == 2 ? _run.Calibration?.Threshold ?? 0.5 : null,
            RawInput = _options.RawInput,
            Origin = new ModelOrigin(
                _model.Contract.Name,
                _model.Sha256,
                _run.Cache.Contract.ModelSha256,
                _run.Layer.Name,
                _run.Head,
                Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(_folder))),
                Convert.ToHexStringLower(SHA256.HashData(runFile)),
                _tuned.Count,
                ToolVersion.Text),
        };
    }
}
