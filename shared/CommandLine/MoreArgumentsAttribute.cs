namespace Headstart.CommandLine;

/// <summary>Marks a command that takes more arguments than it declares, and reads them from the parsed command line.</summary>
/// <remarks>Cocona hands a command null for its options where a list of arguments stands beside a record of options.</remarks>
[AttributeUsage(AttributeTargets.Method)]
public sealed class MoreArgumentsAttribute : Attribute;
