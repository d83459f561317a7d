#nullable enable
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using Microsoft.Build.Framework;
using Microsoft.Build.Utilities;

/// <summary>
/// Writes a copy of TorchSharp's libLibTorchSharp.so that also loads where the C++ library is GCC 11's: RHEL 9, Ubuntu 22.04, Debian 12.
/// </summary>
/// <remarks>
/// <para>
/// TorchSharp links its library with GCC 13, and so it asks libstdc++ for versions that those systems lack. Two symbols are
/// the only reason, and older versions of libstdc++ have what they stand for (see <see cref="Mends"/>). In an ELF file, a symbol's version
/// is an index into the section .gnu.version_r, whose entries name the version. Renaming an entry to an older version that the file asks
/// for anyway is therefore the whole mend; one symbol also gets another name.
/// </para>
/// <para>
/// Newer systems keep the old versions for ever, and load the copy too. A library without these versions is copied as it is. One that asks
/// for them in another way than we know is an error: better a build that stops than a program that crashes.
/// </para>
/// <para>MSBuild compiles this file during the build (LibTorchSharp.targets), against .NET Standard 2.0. It is not part of the
/// trainer.</para>
/// </remarks>
public sealed class LibTorchSharpMend : Task
{
    private const string ConditionVariableWait = "_ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE";

    // Each asks for a symbol from an older version, where it may have another name (no longer than its own).
    private static readonly (string Version, string Symbol, string OlderVersion, string OlderSymbol)[] Mends =
    {
        // What <iostream> of GCC 13 refers to, so that libstdc++ makes std::cout ready when it is loaded. Until GCC 12 every user of
        // <iostream> called this constructor instead, which takes no notice of its object. libtorch does so too, before this library is
        // loaded.
        ("GLIBCXX_3.4.32", "_ZSt21ios_base_library_initv", "GLIBCXX_3.4", "_ZNSt8ios_base4InitC1Ev"),
        // condition_variable::wait has been noexcept since GCC 12, which only changes what happens when it throws. It doesn't.
        ("GLIBCXX_3.4.30", ConditionVariableWait, "GLIBCXX_3.4.11", ConditionVariableWait),
    };

    [Required]
    public string Source { get; set; } = "";

    [Required]
    public string Destination { get; set; } = "";

    public override bool Execute()
    {
        try
        {
            var library = new ElfLibrary(File.ReadAllBytes(Source));
            foreach (var (version, symbol, olderVersion, olderSymbol) in Mends)
                library.LowerVersion(version, symbol, olderVersion, olderSymbol);
            // Under its final name only when it is whole: a build that is stopped here must not leave half a library that looks up to date.
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(Destination))!);
            File.WriteAllBytes(Destination + ".tmp", library.Bytes);
            File.Delete(Destination);
            File.Move(Destination + ".tmp", Destination);
        }
        catch (InvalidDataException e)
        {
            Log.LogError(null, "HEADSTART001", null, Source, 0, 0, 0, 0,
                $"The C++ library versions that this file asks for can't be lowered: {e.Message} It may be of another TorchSharp version " +
                "than "
                + "trainer/Native/LibTorchSharpMend.cs knows. Go back to that version, or build with -p:MendLibTorchSharp=false (the " +
                "program then needs GCC 13's libstdc++).");
        }
        return !Log.HasLoggedErrors;
    }

    /// <summary>
    /// As much of a 64-bit little-endian x86-64 ELF file as the mends touch. Layout: System V ABI, and the LSB on symbol versions.
    /// </summary>
    private sealed class ElfLibrary
    {
        private const int StringTable = 3;
        private const int DynamicSymbols = 11;
        private const int VersionNeeds = 0x6ffffffe;
        private const int SymbolVersions = 0x6fffffff;

        private readonly int _strings;
        // The entries of .gnu.version_r (Elf64_Vernaux): a version that is asked of a library, under the index that symbols use.
        private readonly List<(int Offset, string Library, (string Text, int Offset) Name, ushort Index)> _versions;
        private readonly List<((string Text, int Offset) Name, ushort Version)> _symbols;

        public ElfLibrary(byte[] bytes)
        {
            Bytes = bytes;
            const int sixtyFourBitLittleEndian = 0x0102, x86 = 62;
            if (bytes.Length < 64 || Int(0) != 0x464c457f || Short(4) != sixtyFourBitLittleEndian || Short(18) != x86)
                throw new InvalidDataException("it is not a library for x86-64 Linux.");
            var symbolTable = Section(DynamicSymbols);
            var symbolVersions = Section(SymbolVersions);
            var versionNeeds = Section(VersionNeeds);
            var stringTable = SectionAt(symbolTable.Link);
            if (stringTable.Type != StringTable || versionNeeds.Link != symbolTable.Link)
                throw new InvalidDataException("its dynamic symbols and versions have no common string table.");
            _strings = stringTable.Offset;
            _versions = ReadVersions(versionNeeds.Offset).ToList();
            const int symbolSize = 24, versionSize = 2;
            _symbols = Enumerable.Range(0, symbolTable.Size / symbolSize)
                .Select(i => (ReadName(symbolTable.Offset + (i * symbolSize)), Short(symbolVersions.Offset + (i * versionSize))))
                .ToList();
        }

        public byte[] Bytes { get; }

        public void LowerVersion(string version, string symbol, string olderVersion, string olderSymbol)
        {
            if (!_versions.Any(v => v.Name.Text == version))
                return;
            var tooNew = _versions.Single(v => v.Name.Text == version);
            if (!_versions.Any(v => v.Name.Text == olderVersion && v.Library == tooNew.Library))
                throw new InvalidDataException($"it doesn't ask for {olderVersion}, which was to stand in for {version}.");
            var older = _versions.First(v => v.Name.Text == olderVersion && v.Library == tooNew.Library);
            var users = _symbols.Where(s => s.Version == tooNew.Index).Select(s => s.Name).ToList();
            if (users.Count != 1 || users[0].Text != symbol)
                throw new InvalidDataException(
                    $"{version} was expected for {symbol} alone, but is for {string.Join(", ", users.Select(u => u.Text))}.");

            // Elf64_Vernaux: hash of the name, flags, index, offset of the name.
            Array.Copy(Bytes, older.Offset, Bytes, tooNew.Offset, 4);
            Array.Copy(Bytes, older.Offset + 8, Bytes, tooNew.Offset + 8, 4);
            if (olderSymbol != symbol)
                Rename(users[0], olderSymbol);
        }

        private void Rename((string Text, int Offset) name, string replacement)
        {
            // Linkers let a name share its end with another one.
            var end = name.Offset + name.Text.Length;
            var others = _symbols.Select(s => s.Name).Concat(_versions.Select(v => v.Name)).Where(n => n != name);
            if (others.Any(n => n.Offset >= name.Offset && n.Offset <= end))
                throw new InvalidDataException($"the name {name.Text} shares its bytes with another one.");
            Array.Clear(Bytes, name.Offset, name.Text.Length);
            Encoding.ASCII.GetBytes(replacement, 0, replacement.Length, Bytes, name.Offset);
        }

        private IEnumerable<(int, string, (string, int), ushort)> ReadVersions(int need)
        {
            for (var next = -1; next != 0; need += next)
            {
                // Elf64_Verneed: version, count, offset of the library's name, offset of the first entry, offset of the next library.
                var library = ReadName(need + 4).Text;
                var entry = need + Int(need + 8);
                for (var left = Short(need + 2); left > 0; left--)
                {
                    yield return (entry, library, ReadName(entry + 8), Short(entry + 6));
                    entry += Int(entry + 12);
                }
                next = Int(need + 12);
            }
        }

        private (int Type, int Offset, int Size, int Link) Section(int type)
        {
            var found = Enumerable.Range(0, Short(60)).Select(SectionAt).Where(s => s.Type == type).ToList();
            return found.Count == 1
                ? found[0]
                : throw new InvalidDataException($"it has {found.Count} sections of type 0x{type:x}, where one was expected.");
        }

        private (int Type, int Offset, int Size, int Link) SectionAt(int index)
        {
            const int headersAt = 40, headerSize = 64;
            var header = Int(headersAt) + (index * headerSize);
            return (Int(header + 4), Int(header + 24), Int(header + 32), Int(header + 40));
        }

        /// <summary>The name whose offset in the string table is stored at <paramref name="at"/>.</summary>
        private (string Text, int Offset) ReadName(int at)
        {
            var start = _strings + Int(at);
            var length = InFile(start, 1) ? Array.IndexOf(Bytes, (byte)0, start) - start : -1;
            return length >= 0
                ? (Encoding.ASCII.GetString(Bytes, start, length), start)
                : throw new InvalidDataException("it is damaged: a name lies outside it.");
        }

        private ushort Short(int at) => InFile(at, 2) ? BitConverter.ToUInt16(Bytes, at) : throw Damaged(at);

        private int Int(int at) => InFile(at, 4) ? BitConverter.ToInt32(Bytes, at) : throw Damaged(at);

        private bool InFile(int at, int size) => at >= 0 && at <= Bytes.Length - size;

        private static InvalidDataException Damaged(int at) => new($"it is damaged: it has {at} as an offset, which lies outside it.");
    }
}
