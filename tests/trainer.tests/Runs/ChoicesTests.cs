using System.Reflection;
using Headstart.Trainer.Commands;
using Headstart.Trainer.FineTuning;
using Headstart.Trainer.Runs;
using Headstart.Trainer.Sweeps;
using Headstart.Trainer.Training;

namespace Headstart.Tests.Runs;

/// <summary>One table of options: the command line, the stored request and the options of a training can't drift apart.</summary>
public sealed class ChoicesTests
{
    public static TheoryData<Type, Type> Commands => new()
    {
        { typeof(TrainArguments), typeof(TrainRequest) },
        { typeof(FinetuneArguments), typeof(FinetuneRequest) },
        { typeof(SweepArguments), typeof(SweepRequest) },
    };

    [Theory]
    [MemberData(nameof(Commands))]
    public void Every_choice_is_an_option_of_its_command_under_the_same_names(Type arguments, Type request)
    {
        var options = arguments.GetConstructors().Single().GetParameters()
            .ToDictionary(p => p.Name!, p => p.GetCustomAttribute<Cocona.OptionAttribute>()?.Name);

        Assert.NotEmpty(Choices.In(request));
        Assert.All(Choices.In(request), c => Assert.Equal(c.Choice.Option, options.GetValueOrDefault(c.Property.Name)));
    }

    [Theory]
    [MemberData(nameof(Commands))]
    public void A_command_line_and_what_is_stored_of_it_have_the_same_defaults(Type arguments, Type request)
    {
        var parameters = arguments.GetConstructors().Single().GetParameters().ToDictionary(p => p.Name!);
        var stored = Activator.CreateInstance(request)!;

        Assert.All(Choices.In(request), c => Assert.Equal(Default(parameters[c.Property.Name]), c.Property.GetValue(stored)));

        static object? Default(ParameterInfo parameter)
        {
            var type = Nullable.GetUnderlyingType(parameter.ParameterType) ?? parameter.ParameterType;
            return parameter.DefaultValue is { } value && type.IsEnum ? Enum.ToObject(type, value) : parameter.DefaultValue;
        }
    }

    [Fact]
    public void Every_option_of_a_training_comes_from_the_request()
    {
        var odd = new TrainRequest
        {
            Cache = "c",
            Out = "o",
            Epochs = 11,
            Batch = 12,
            Optimizer = OptimizerChoice.Sgd,
            LearningRate = 0.13,
            Schedule = Schedule.Step,
            WarmUp = 1.5,
            L2 = 0.16,
            WeightDecay = 0.17,
            Clip = 18,
            LabelSmoothing = 0.19,
            ClassWeights = "balanced",
            EarlyStop = 21,
            Seed = 22,
        };

        AssertAllDiffer(new TrainingOptions(), odd.ToOptions());
    }

    [Fact]
    public void Every_option_of_a_tuning_comes_from_the_request()
    {
        var odd = new FinetuneRequest
        {
            Run = "r",
            Out = "o",
            Model = "m",
            Cache = "c",
            LearningRate = 0.1,
            HeadLearningRate = 0.2,
            DepthDecay = 0.3,
            Gradual = 4,
            Augment = true,
            Precision = ComputePrecision.Bfloat16,
        };

        AssertAllDiffer(new TuningOptions { Training = new TrainingOptions() }, odd.ToOptions(new TrainingOptions()));
    }

    [Fact]
    public void A_sweep_may_try_what_is_marked_and_nothing_else()
    {
        string[] names = [.. SpaceOption.All.Select(o => o.Name)];

        Assert.Equal(names.Distinct().Order(), names.Order());
        Assert.Contains("lr", names);
        Assert.Contains("finetune-lr", names);
        Assert.Contains("head-lr", names);
        Assert.DoesNotContain("device", names);
        Assert.DoesNotContain("finetune-unfreeze", names);
    }

    // A property that nobody copies keeps its default, and would be ignored without a word.
    private static void AssertAllDiffer<T>(T defaults, T odd) =>
        Assert.All(typeof(T).GetProperties().Where(p => p.CanWrite), p => Assert.NotEqual(p.GetValue(defaults), p.GetValue(odd)));
}
