using Headstart.Trainer.Training;
using TorchSharp;

namespace Headstart.Trainer.Runs;

/// <summary>
/// The epochs of a run as TensorBoard reads them: <c>tensorboard --logdir RUNS</c> shows runs beside each other, while they train.
/// </summary>
internal sealed class TensorBoardLog
{
    private const string Pattern = "events.out.tfevents.*";
    private readonly TorchSharp.Modules.SummaryWriter _writer;

    /// <param name="folder">The run's; what an earlier, unfinished go left there comes again and is removed.</param>
    public TensorBoardLog(string folder)
    {
        Remove(folder);
        _writer = torch.utils.tensorboard.SummaryWriter(folder);
    }

    /// <summary>Takes the events away that lie in a run's folder.</summary>
    public static void Remove(string folder)
    {
        foreach (var events in Directory.EnumerateFiles(folder, Pattern))
            File.Delete(events);
    }

    public void Append(EpochRecord epoch)
    {
        Add("loss/train", epoch.Train.Loss);
        Add("loss/validation", epoch.Val.Loss);
        Add("accuracy/train", epoch.Train.Accuracy);
        Add("accuracy/validation", epoch.Val.Accuracy);
        if (epoch.Val.Auc is { } auc)
            Add("auc/validation", auc);
        Add("learning rate", epoch.LearningRate);

        void Add(string tag, double value) => _writer.add_scalar(tag, (float)value, epoch.Epoch);
    }
}
