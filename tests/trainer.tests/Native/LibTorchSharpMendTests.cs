using System.Diagnostics;
using System.Security;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Headstart.Tests.Native;

/// <summary>The build step in trainer/Native, run by MSBuild on libraries of the test's own choice.</summary>
public sealed partial class LibTorchSharpMendTests : IDisposable
{
    // What GCC 11 brings, and RHEL 9 with it: https://gcc.gnu.org/onlinedocs/libstdc++/manual/abi.html
    private static readonly Version NewestOnRhel9 = new(3, 4, 29);

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("headstart-mend-");

    public LibTorchSharpMendTests() => Assert.SkipUnless(OperatingSystem.IsLinux(), "The mend is for Linux.");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public async Task No_library_in_the_output_asks_for_more_than_an_old_system_has()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/readelf"), "readelf is missing: apt-get install binutils");
        var libraries = Directory.GetFiles(AppContext.BaseDirectory, "*.so*");
        Assert.Contains(libraries, l => Path.GetFileName(l) == "libLibTorchSharp.so");

        foreach (var library in libraries)
        {
            var asked = CxxVersion().Matches((await Run("/usr/bin/readelf", "-VW", library)).Output)
                .Select(m => Version.Parse(m.Groups[1].Value)).ToList();

            Assert.All(asked, v => Assert.True(v <= NewestOnRhel9, $"{Path.GetFileName(library)} asks for GLIBCXX_{v}"));
        }
    }

    [Fact]
    public async Task The_package_folder_keeps_its_library_and_the_mend_changes_few_bytes_of_a_copy()
    {
        var original = PackagedLibrary();
        var before = await File.ReadAllBytesAsync(original, TestContext.Current.CancellationToken);

        var (exitCode, output) = await Mend(original);

        Assert.True(exitCode == 0, output);
        Assert.Equal(before, await File.ReadAllBytesAsync(original, TestContext.Current.CancellationToken));
        var mended = await File.ReadAllBytesAsync(Mended, TestContext.Current.CancellationToken);
        Assert.Equal(before.Length, mended.Length);
        // Two entries of .gnu.version_r, 8 bytes each, and one name of 28 bytes.
        Assert.InRange(before.Zip(mended).Count(pair => pair.First != pair.Second), 10, 44);
    }

    [Fact]
    public async Task A_library_that_needs_no_mend_is_copied_without_a_word()
    {
        var good = Path.Combine(AppContext.BaseDirectory, "libLibTorchSharp.so");

        var (exitCode, output) = await Mend(good);

        Assert.True(exitCode == 0, output);
        Assert.Equal("", output.Trim());
        Assert.Equal(await File.ReadAllBytesAsync(good, TestContext.Current.CancellationToken),
            await File.ReadAllBytesAsync(Mended, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_second_build_does_not_mend_again()
    {
        await Mend(PackagedLibrary());
        var first = File.GetLastWriteTimeUtc(Mended);

        await Mend(PackagedLibrary());

        Assert.Equal(first, File.GetLastWriteTimeUtc(Mended));
    }

    [Fact]
    public async Task A_library_that_uses_the_new_version_for_something_else_stops_the_build()
    {
        var bytes = await File.ReadAllBytesAsync(PackagedLibrary(), TestContext.Current.CancellationToken);
        var name = Encoding.ASCII.GetBytes("_ZSt21ios_base_library_initv\0");
        "_ZSt21something_differentv\0\0"u8.CopyTo(bytes.AsSpan(bytes.AsSpan().IndexOf(name)));

        var (exitCode, output) = await Mend(Write(bytes));

        Assert.NotEqual(0, exitCode);
        Assert.Contains("error HEADSTART001", output, StringComparison.Ordinal);
        Assert.Contains("GLIBCXX_3.4.32 was expected for _ZSt21ios_base_library_initv alone, but is for _ZSt21something_differentv", output,
            StringComparison.Ordinal);
        Assert.False(File.Exists(Mended));
    }

    [Theory]
    [InlineData(0, 2000, "it is not a library for x86-64 Linux")]
    [InlineData(2000, 0, "it is damaged")]
    [InlineData(2000, int.MaxValue, "it has 0 sections")]
    public async Task A_file_that_is_not_the_library_stops_the_build(int keep, int zeros, string reason)
    {
        var bytes = await File.ReadAllBytesAsync(PackagedLibrary(), TestContext.Current.CancellationToken);

        var (exitCode, output) = await Mend(Write([.. bytes.Take(keep), .. new byte[Math.Min(zeros, bytes.Length - keep)]]));

        Assert.NotEqual(0, exitCode);
        Assert.Contains("error HEADSTART001", output, StringComparison.Ordinal);
        Assert.Contains(reason, output, StringComparison.Ordinal);
    }

    private string Mended => Path.Combine(_folder.FullName, "obj", "mended", "libLibTorchSharp.so");

    private string Write(byte[] library)
    {
        var file = Path.Combine(_folder.FullName, "libLibTorchSharp.so");
        File.WriteAllBytes(file, library);
        return file;
    }

    /// <summary>Runs the build step on <paramref name="library"/>, in a project that has nothing else.</summary>
    private async Task<(int ExitCode, string Output)> Mend(string library)
    {
        var project = Path.Combine(_folder.FullName, "mend.proj");
        await File.WriteAllTextAsync(project, $"""
            <Project>
              <PropertyGroup>
                <RuntimeIdentifier>linux-x64</RuntimeIdentifier>
                <IntermediateOutputPath>obj/</IntermediateOutputPath>
              </PropertyGroup>
              <Target Name="ResolvePackageAssets">
                <ItemGroup><NativeCopyLocalItems Include="{SecurityElement.Escape(library)}" /></ItemGroup>
              </Target>
              <Import Project="{SecurityElement.Escape(Path.Combine(Repository.Root, "trainer/Native/LibTorchSharp.targets"))}" />
            </Project>
            """);
        return await Run("dotnet", "msbuild", project, "-t:ResolvePackageAssets", "-nologo", "-v:quiet");
    }

    private static async Task<(int ExitCode, string Output)> Run(string program, params string[] args)
    {
        using var process =
            Process.Start(new ProcessStartInfo(program, args) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var error = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, output + await error);
    }

    private static string PackagedLibrary()
    {
        using var assets =
            JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Repository.Root, "tests/trainer.tests/obj/project.assets.json")));
        var package = assets.RootElement.GetProperty("libraries").EnumerateObject()
            .Single(l => l.Name.StartsWith("TorchSharp/", StringComparison.Ordinal));
        return assets.RootElement.GetProperty("packageFolders").EnumerateObject()
            .Select(
                f => Path.Combine(f.Name, package.Value.GetProperty("path").GetString()!, "runtimes/linux-x64/native/libLibTorchSharp.so"))
            .First(File.Exists);
    }

    [GeneratedRegex(@"Name: GLIBCXX_([\d.]+)")]
    private static partial Regex CxxVersion();
}
