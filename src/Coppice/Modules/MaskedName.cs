namespace Coppice.Modules;

/// <summary>The two names under which a weight with a mask is stored, as <c>torch.nn.utils.prune</c> stores it: <c>..._orig</c> and
/// <c>..._mask</c>.</summary>
internal static class MaskedName
{
    private const string OriginalEnd = "_orig", MaskEnd = "_mask";

    /// <summary>The name of a weight's values before pruning.</summary>
    public static string Original(string weight) => weight + OriginalEnd;

    /// <summary>The name of what they are multiplied by.</summary>
    public static string Mask(string weight) => weight + MaskEnd;

    /// <summary>The weight whose original values have this name; null where it is no such name.</summary>
    public static string? WeightOfOriginal(string name) => Before(OriginalEnd, name);

    /// <summary>The weight whose mask has this name; null where it is no such name.</summary>
    public static string? WeightOfMask(string name) => Before(MaskEnd, name);

    private static string? Before(string end, string name) => name.EndsWith(end, StringComparison.Ordinal) ? name[..^end.Length] : null;
}
