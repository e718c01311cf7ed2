namespace Coppice.Pruning;

/// <summary>An amount for the weights in scope whose names a glob matches (<c>*</c> crosses dots).</summary>
public sealed record WeightAmount(string Glob, PruneAmount Amount)
{
    /// <summary>Reads <c>GLOB=AMOUNT</c>, such as <c>*.mlp.*=0.4</c>.</summary>
    /// <exception cref="PruningException">There is no glob before the sign, or no amount behind it.</exception>
    public static WeightAmount Parse(string text)
    {
        var (glob, amount) = Split(text);
        return new(glob, PruneAmount.Parse(amount));
    }

    /// <summary>The two sides of <c>GLOB=AMOUNT</c>.</summary>
    /// <exception cref="PruningException">There is no glob before the sign.</exception>
    public static (string Glob, string Amount) Split(string text)
    {
        var sign = text.LastIndexOf('=');
        return sign > 0
            ? (text[..sign], text[(sign + 1)..])
            : throw new PruningException($"'{text}' is not GLOB=AMOUNT; write for example \"*.mlp.*=0.4\".");
    }

    /// <summary>The form that <see cref="Parse"/> reads.</summary>
    public override string ToString() => $"{Glob}={Amount}";
}
