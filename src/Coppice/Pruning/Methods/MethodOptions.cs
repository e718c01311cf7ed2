using System.Globalization;

namespace Coppice.Pruning.Methods;

/// <summary>A method in the words of the command line and of plans.</summary>
/// <param name="Method"><c>l1</c>, <c>ln</c>, <c>random</c>, <c>lamp</c> or <c>erk</c>; <c>ln-structured</c> and
/// <c>random-structured</c> say the granularity too.</param>
/// <param name="Granularity"><c>unstructured</c>, <c>row</c>, <c>channel</c>, <c>N:M</c> such as <c>2:4</c>, or blocks <c>RxC</c> such as
/// <c>4x1</c>; null for the method's own.</param>
/// <param name="Norm">n of an L_n norm; null for 1 with <c>l1</c> and 2 with <c>ln</c>.</param>
/// <param name="Dim">The axis that channels are counted along; null for 0.</param>
public sealed record MethodOptions(string Method, string? Granularity = null, double? Norm = null, int? Dim = null)
{
    /// <summary>Single elements.</summary>
    public const string Unstructured = "unstructured";

    /// <summary>Single elements, the same amount of each output's.</summary>
    public const string Row = "row";

    /// <summary>Slices along one axis.</summary>
    public const string Channel = "channel";

    /// <summary>Reads a norm: a number, <c>inf</c>, <c>-inf</c>, or <c>fro</c> for 2.</summary>
    /// <exception cref="PruningException">None of these.</exception>
    public static double ParseNorm(string text) => text switch
    {
        "fro" => 2,
        "inf" => double.PositiveInfinity,
        "-inf" => double.NegativeInfinity,
        _ when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var norm) && double.IsFinite(norm) => norm,
        _ => throw new PruningException($"The norm '{text}' is not known; give a number, inf, -inf or fro."),
    };

    /// <summary>The method that these options name.</summary>
    /// <exception cref="PruningException">There is none, or it has no such norm or axis.</exception>
    public PruningMethod ToMethod()
    {
        var method = Make();
        if (Norm is not null && method.Options.Norm != Norm)
            throw new PruningException($"The method '{this}' goes by no norm to choose; leave {Norm} out, or prune channels or blocks.");
        if (Dim is not null && method.Options.Dim != Dim)
            throw new PruningException($"The method '{this}' has no axis to choose; leave {Dim} out, or prune channels.");
        return method;
    }

    private PruningMethod Make() => (Method, Granularity) switch
    {
        ("l1", null or Unstructured) => new MagnitudePruning(),
        ("l1", Row) => new RowPruning(),
        ("lamp", null or Unstructured) => new LampPruning(),
        ("erk", null or Unstructured) => new ErkPruning(),
        ("random", null or Unstructured) => new RandomPruning(),
        ("random" or "random-structured", Channel) or ("random-structured", null) => new RandomChannelPruning(Dim ?? 0),
        ("l1", Channel) => new ChannelNormPruning(Norm ?? 1, Dim ?? 0),
        ("ln" or "ln-structured", null or Channel) => new ChannelNormPruning(Norm ?? 2, Dim ?? 0),
        ("l1", _) when TryPair(':', out var kept, out var of) => new NmPruning(kept, of),
        ("l1" or "ln", _) when TryPair('x', out var rows, out var columns) =>
            new BlockPruning(rows, columns, Norm ?? (Method == "l1" ? 1 : 2)),
        ("l1" or "ln" or "ln-structured" or "random" or "random-structured" or "lamp" or "erk", _) => throw new PruningException(
            $"The method '{Method}' has no granularity '{Granularity}'. l1 goes with unstructured, row, channel, N:M or RxC; "
            + "ln with channel or RxC; random with unstructured or channel; lamp and erk with unstructured."),
        _ => throw new PruningException($"The pruning method '{Method}' is not known; choose l1, ln, random, lamp or erk."),
    };

    /// <summary>Form for messages: <c>ln channel</c>.</summary>
    public override string ToString() => Granularity is null ? Method : $"{Method} {Granularity}";

    private bool TryPair(char separator, out int first, out int second)
    {
        (first, second) = (0, 0);
        var parts = Granularity!.Split(separator);
        return parts.Length == 2
            && int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out first)
            && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out second);
    }
}
