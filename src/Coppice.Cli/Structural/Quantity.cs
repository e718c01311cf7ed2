using System.Globalization;

namespace Coppice.Cli.Structural;

/// <summary>A number with its unit, as options give it.</summary>
internal static class Quantity
{
    private static readonly (string Unit, double Factor)[] Times = [("us", 1e-3), ("ms", 1), ("s", 1e3)];
    private static readonly (string Unit, double Factor)[] Sizes = [("kB", 1 << 10), ("MB", 1 << 20), ("GB", 1 << 30), ("B", 1)];

    /// <summary>Milliseconds of <c>8ms</c>, <c>0.5s</c> or <c>900us</c>.</summary>
    public static double Milliseconds(string option, string text) => Parse(option, text, Times, "a time such as 8ms");

    /// <summary>Bytes of <c>2MB</c>, <c>800kB</c>, <c>1.5GB</c> or <c>4096B</c>.</summary>
    public static double Bytes(string option, string text) => Parse(option, text, Sizes, "a size such as 2MB or 800kB");

    private static double Parse(string option, string text, (string Unit, double Factor)[] units, string form)
    {
        foreach (var (unit, factor) in units)
            if (text.EndsWith(unit, StringComparison.OrdinalIgnoreCase)
                && double.TryParse(text.AsSpan()[..^unit.Length].TrimEnd(), NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
                && number > 0 && double.IsFinite(number))
                return number * factor;
        throw new UsageException($"{option} {text} is not {form}.");
    }
}
