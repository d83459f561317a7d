using System.Diagnostics;
using System.Reflection;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using System.Text.RegularExpressions;

namespace Headstart.Tests;

/// <summary>Runs some test classes of this program again, in a process of their own for which .NET has no vector instructions.</summary>
/// <remarks>Code for vectors has another way for processors without them, which no machine of ours would ever take otherwise.</remarks>
internal static partial class WithoutVectors
{
    // Each also switches off what builds on it. The names of AVX-512's changed with .NET 10; unknown ones do nothing.
    private static readonly (string Leg, string[] Variables)[] Legs =
    [
        ("AVX-512", ["DOTNET_EnableAVX512", "DOTNET_EnableAVX512F"]),
        ("AVX2", ["DOTNET_EnableAVX2"]),
        ("all", ["DOTNET_EnableHWIntrinsic"]),
    ];

    /// <summary>What can be switched off.</summary>
    public static TheoryData<string> Names => [.. Legs.Select(l => l.Leg)];

    /// <summary>Runs the classes, and fails the test that calls this where one of them fails.</summary>
    /// <param name="leg">One of <see cref="Names"/>.</param>
    /// <param name="classes">Of this assembly.</param>
    public static async Task PassAsync(string leg, params Type[] classes)
    {
        var program = Path.Combine(AppContext.BaseDirectory, Assembly.GetExecutingAssembly().GetName().Name!);
        var start = new ProcessStartInfo(OperatingSystem.IsWindows() ? program + ".exe" : program)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var type in (Type[])[typeof(InstructionTests), .. classes])
        {
            start.ArgumentList.Add("-class");
            start.ArgumentList.Add(type.FullName!);
        }

        foreach (var variable in Legs.Single(l => l.Leg == leg).Variables)
            start.Environment[variable] = "0";
        start.Environment["HEADSTART_TEST_WITHOUT"] = leg;
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        var words = await output + await error;

        Assert.True(process.ExitCode == 0, words);
        Assert.True(Total().Match(words) is { Success: true } total && int.Parse(total.Groups[1].Value, null) > classes.Length, words);
    }

    [GeneratedRegex(@"Total: (\d+)")]
    private static partial Regex Total();
}

/// <summary>That the switches do what they are said to do.</summary>
public sealed class InstructionTests
{
    [Fact]
    public void What_is_switched_off_is_off()
    {
        var leg = Environment.GetEnvironmentVariable("HEADSTART_TEST_WITHOUT");
        Assert.SkipWhen(leg is null, "Nothing is switched off.");

        Assert.False(Avx512F.IsSupported);
        if (leg != "AVX-512")
            Assert.False(Avx2.IsSupported || Vector256.IsHardwareAccelerated);
        if (leg == "all")
            Assert.False(Vector128.IsHardwareAccelerated);
    }
}
