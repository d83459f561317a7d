using System.Text.RegularExpressions;
using Headstart.Trainer.Training;

namespace Headstart.Tests.Kernels;

/// <summary>The room of kernels: who opens its door, and what it knows itself.</summary>
public sealed class RoomTests
{
    private static readonly string Trainer = Path.Combine(Repository.Root, "trainer");

    [Fact]
    public void Loop_optimizers_and_heads_know_no_kernels()
    {
        var users = Directory.EnumerateFiles(Trainer, "*.cs", SearchOption.AllDirectories)
            .Select(f => Path.GetRelativePath(Trainer, f).Replace('\\', '/'))
            .Where(f => f.Split('/')[0] is not ("obj" or "bin" or "Kernels"))
            .Where(f => File.ReadAllText(Path.Combine(Trainer, f)).Contains("Trainer.Kernels", StringComparison.Ordinal));

        Assert.Equal(["Sweeps/HeadStack.cs", "Training/HeadSteps.cs", "Training/WideAdamSteps.cs"], users.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Kernels_know_nothing_of_training()
    {
        var types = typeof(TrainingLoop).Assembly.GetTypes().Where(t => t.Namespace == typeof(TrainingLoop).Namespace && !t.IsNested)
            .Select(t => t.Name.Split('`')[0]).Where(n => Regex.IsMatch(n, @"^\w+$")).ToList();
        Assert.Contains("KerasAdam", types);
        var files = Directory.GetFiles(Path.Combine(Trainer, "Kernels"), "*.cs");

        Assert.NotEmpty(files);
        foreach (var file in files)
        {
            var text = File.ReadAllText(file);
            Assert.DoesNotContain(types, t => Regex.IsMatch(text, $@"\b{t}\b"));
            Assert.All(
                Regex.Matches(text, @"^using Headstart\.Trainer\.(\w+);", RegexOptions.Multiline),
                m => Assert.Contains(m.Groups[1].Value, (string[])["Features", "Heads", "Tensors"]));
        }
    }
}
