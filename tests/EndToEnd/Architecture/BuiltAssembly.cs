using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

namespace Headstart.Tests.Architecture;

/// <summary>What an assembly says of itself, read without loading it.</summary>
internal sealed class BuiltAssembly : IDisposable
{
    private readonly PEReader _file;
    private readonly MetadataReader _metadata;

    public BuiltAssembly(string path)
    {
        _file = new PEReader(File.OpenRead(path));
        _metadata = _file.GetMetadataReader();
    }

    /// <summary>The names of the assemblies whose types this one uses.</summary>
    public IReadOnlyList<string> References =>
        [.. _metadata.AssemblyReferences.Select(r => _metadata.GetString(_metadata.GetAssemblyReference(r).Name))];

    /// <summary>Our own classes that others could inherit from.</summary>
    public IReadOnlyList<string> OpenClasses =>
        [.. _metadata.TypeDefinitions.Select(_metadata.GetTypeDefinition).Where(IsOpenClass).Select(Name).Where(
            n => !n.Contains('<', StringComparison.Ordinal))];

    public void Dispose() => _file.Dispose();

    private static bool IsOpenClass(TypeDefinition type) =>
        (type.Attributes & (TypeAttributes.Sealed | TypeAttributes.Abstract | TypeAttributes.Interface)) == 0;

    private string Name(TypeDefinition type) => $"{_metadata.GetString(type.Namespace)}.{_metadata.GetString(type.Name)}";
}
