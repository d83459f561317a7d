namespace Headstart.Trainer.Runs;

/// <summary>
/// Marks a property of a stored request as an option that decides about the numbers. From these marks follow what <c>--resume</c> compares,
/// the printed command that repeats a run, the options in its report, and what a sweep's space may try: see <see cref="Choices"/>.
/// </summary>
/// <param name="option">As it is typed, without the dashes. The property's name is what files hold, so that an option may be renamed
/// without harm to old runs.</param>
[AttributeUsage(AttributeTargets.Property)]
internal sealed class ChoiceAttribute(string option) : Attribute
{
    public string Option { get; } = option;

    /// <summary>Whether a sweep may try several values.</summary>
    public bool Swept { get; init; }
}
