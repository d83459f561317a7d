namespace Headstart.Trainer.Training;

/// <summary>How the learning rate goes on after its warm-up.</summary>
public enum Schedule
{
    Constant,

    /// <summary>Down to 0 along half a cosine, over all epochs.</summary>
    Cosine,

    /// <summary>A tenth after half of the steps, a hundredth after three quarters.</summary>
    Step,

    /// <summary>A tenth each time that the validation loss was not lowered for <see cref="LearningRate.PlateauPatience"/> epochs.</summary>
    Plateau,
}

/// <summary>The learning rate of every step: a pure function, so that a training can be taken up again anywhere.</summary>
internal sealed class LearningRate
{
    public const int PlateauPatience = 3;

    private readonly double _peak;
    private readonly Schedule _schedule;
    private readonly long _steps;
    private readonly long _warmUp;

    public LearningRate(TrainingOptions options, int stepsPerEpoch)
    {
        _peak = options.LearningRate;
        _schedule = options.Schedule;
        _steps = (long)options.Epochs * stepsPerEpoch;
        _warmUp = (long)Math.Round(options.WarmUp * stepsPerEpoch);
    }

    /// <param name="step">From 0.</param>
    /// <param name="plateaus">What <see cref="Plateaus"/> says of the epochs so far; looked at by <see cref="Schedule.Plateau"/>
    /// alone.</param>
    public double At(long step, int plateaus = 0)
    {
        if (step < _warmUp)
            return _peak * (step + 1) / _warmUp;
        return _schedule switch
        {
            Schedule.Constant => _peak,
            Schedule.Cosine => _peak * 0.5 * (1 + Math.Cos(Math.PI * (step - _warmUp) / (_steps - _warmUp))),
            Schedule.Step => _peak * (step < _steps / 2.0 ? 1 : step < _steps * 0.75 ? 0.1 : 0.01),
            Schedule.Plateau => _peak * Math.Pow(0.1, plateaus),
            _ => throw new InvalidOperationException($"no schedule {_schedule}"),
        };
    }

    /// <summary>
    /// How often the loss stood still for <see cref="PlateauPatience"/> epochs; after each time the count of epochs begins anew.
    /// </summary>
    public static int Plateaus(IEnumerable<double> validationLosses)
    {
        var lowest = double.PositiveInfinity;
        var still = 0;
        var plateaus = 0;
        foreach (var loss in validationLosses)
        {
            still = loss < lowest ? 0 : still + 1;
            lowest = Math.Min(lowest, loss);
            if (still == PlateauPatience)
            {
                plateaus++;
                still = 0;
            }
        }

        return plateaus;
    }
}
