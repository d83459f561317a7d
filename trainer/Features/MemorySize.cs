using System.Globalization;

namespace Headstart.Trainer.Features;

/// <summary>An amount of memory as people type it: <c>512M</c>, <c>2G</c>, <c>1.5GiB</c>. K, M, G and T are powers of 1,024.</summary>
internal readonly record struct MemorySize(long Bytes)
{
    private const long Mebibyte = 1L << 20;
    private const string Units = "KMGT";

    /// <exception cref="CommandException">No number above 0 with a unit.</exception>
    public static MemorySize Parse(string text)
    {
        var number = text.Trim().ToUpperInvariant();
        number = number.EndsWith("IB", StringComparison.Ordinal) ? number[..^2] : number.EndsWith('B') ? number[..^1] : number;
        var unit = number.Length == 0 ? -1 : Units.IndexOf(number[^1], StringComparison.Ordinal);
        if (unit < 0
            || !decimal.TryParse(number[..^1].TrimEnd(), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var amount)
            || amount <= 0 || amount > long.MaxValue >> (10 * (unit + 1)))
        {
            throw CommandException.Usage($"--memory {text}: give a size with its unit, such as 512M or 2G.");
        }

        return new MemorySize((long)(amount * (1L << (10 * (unit + 1)))));
    }

    /// <summary>Down to a whole MiB: what <see cref="Parse"/> reads.</summary>
    public override string ToString() => Bytes % (1 << 30) == 0 && Bytes > 0
        ? string.Create(CultureInfo.InvariantCulture, $"{Bytes >> 30}G")
        : string.Create(CultureInfo.InvariantCulture, $"{Bytes / Mebibyte}M");

    /// <summary>Up to a whole MiB, so that it is enough.</summary>
    public static MemorySize AtLeast(long bytes) => new((bytes + Mebibyte - 1) / Mebibyte * Mebibyte);
}
