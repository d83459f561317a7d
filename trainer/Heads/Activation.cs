namespace Headstart.Trainer.Heads;

/// <summary>What a dense layer does to each of its values.</summary>
internal enum Activation
{
    Linear,
    Relu,
    Elu,

    /// <summary>The exact one, with the error function.</summary>
    Gelu,
    Silu,
    Tanh,
    Sigmoid,
}

internal static class ActivationWords
{
    public static IReadOnlyList<string> All { get; } = [.. Enum.GetValues<Activation>().Select(Word)];

    public static string Word(this Activation activation) => activation switch
    {
        Activation.Linear => "linear",
        Activation.Relu => "relu",
        Activation.Elu => "elu",
        Activation.Gelu => "gelu",
        Activation.Silu => "silu",
        Activation.Tanh => "tanh",
        Activation.Sigmoid => "sigmoid",
        _ => throw new ArgumentOutOfRangeException(nameof(activation), activation, "not an activation"),
    };

    /// <returns>False when the language has no such word; case is not looked at.</returns>
    public static bool TryParse(string word, out Activation activation)
    {
        activation = Enum.GetValues<Activation>().FirstOrDefault(a => a.Word().Equals(word, StringComparison.OrdinalIgnoreCase));
        return activation.Word().Equals(word, StringComparison.OrdinalIgnoreCase);
    }
}
