namespace Coppice.Pruning.Masks;

/// <summary>What a pruning method is shown of a weight that is pruned already, and so what its amount is taken of.</summary>
public enum PruningType
{
    /// <summary>The entries that remain, as a flat tensor.</summary>
    Unstructured,

    /// <summary>The channels, along <see cref="BasePruningMethod.Dim"/>, of which any entry remains.</summary>
    Structured,

    /// <summary>All of the weight; the method itself heeds the mask it is given.</summary>
    Global,
}
