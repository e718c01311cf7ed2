using System.Globalization;

namespace Coppice.Evaluation;

/// <summary>A number with its unit, as recipes and the command line give it.</summary>
public static class Quantity
{
    /// <summary>What a time looks like, for messages.</summary>
    public const string TimeForm = "a time such as 8ms";

    /// <summary>What a size looks like, for messages.</summary>
    public const string SizeForm = "a size such as 2MB or 800kB";

    private static readonly (string Unit, double Factor)[] Times = [("us", 1e-3), ("ms", 1), ("s", 1e3)];
    private static readonly (string Unit, double Factor)[] Sizes = [("kB", 1 << 10), ("MB", 1 << 20), ("GB", 1 << 30), ("B", 1)];

    /// <summary>Milliseconds of <c>8ms</c>, <c>0.5s</c> or <c>900us</c>; null for anything else.</summary>
    public static double? Milliseconds(string text) => Parse(text, Times);

    /// <summary>Bytes of <c>2MB</c>, <c>800kB</c>, <c>1.5GB</c> or <c>4096B</c>; null for anything else. 1 MB = 1024 kB.</summary>
    public static double? Bytes(string text) => Parse(text, Sizes);

    private static double? Parse(string text, (string Unit, double Factor)[] units)
    {
        foreach (var (unit, factor) in units)
            if (text.EndsWith(unit, StringComparison.OrdinalIgnoreCase)
                && double.TryParse(text.AsSpan()[..^unit.Length].TrimEnd(), NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
                && number > 0 && double.IsFinite(number))
                return number * factor;
        return null;
    }
}
