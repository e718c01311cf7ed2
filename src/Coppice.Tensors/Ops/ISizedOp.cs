namespace Coppice.Tensors.Ops;

/// <summary>An op with attributes that are sizes of axes or positions along them.</summary>
/// <remarks>They belong to the shapes the op was written down for: at another batch size, or once channels are removed, they become others.</remarks>
public interface ISizedOp
{
    /// <summary>The sizes and positions, in the order of the op's attributes.</summary>
    IReadOnlyList<int> Sizes { get; }

    /// <summary>The same op with other sizes and positions.</summary>
    /// <param name="sizes">As many as <see cref="Sizes"/> has.</param>
    Op WithSizes(ReadOnlySpan<int> sizes);
}
