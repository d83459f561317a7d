using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

namespace Headstart.Tests.Architecture;

/// <summary>What an assembly says of itself, read without loading it.</summary>
internal sealed class BuiltAssembly : IDisposable
{
    private readonly PEReader file;
    private readonly MetadataReader metadata;

    public BuiltAssembly(string path)
    {
        file = new PEReader(File.OpenRead(path));
        metadata = file.GetMetadataReader();
    }

    /// <summary>The names of the assemblies whose types this one uses.</summary>
    public IReadOnlyList<string> References =>
        [.. metadata.AssemblyReferences.Select(r => metadata.GetString(metadata.GetAssemblyReference(r).Name))];

    /// <summary>Our own classes that others could inherit from.</summary>
    public IReadOnlyList<string> OpenClasses =>
        [.. metadata.TypeDefinitions.Select(metadata.GetTypeDefinition).Where(IsOpenClass).Select(Name).Where(n => !n.Contains('<', StringComparison.Ordinal))];

    public void Dispose() => file.Dispose();

    private static bool IsOpenClass(TypeDefinition type) =>
        (type.Attributes & (TypeAttributes.Sealed | TypeAttributes.Abstract | TypeAttributes.Interface)) == 0;

    private string Name(TypeDefinition type) => $"{metadata.GetString(type.Namespace)}.{metadata.GetString(type.Name)}";
}
