using Coppice.Tensors;

namespace Coppice.Data;

/// <summary>Token sequences put into one tensor.</summary>
internal static class PaddedIds
{
    /// <summary>Ids of some examples, padded behind to one length: I64 [B, T].</summary>
    /// <param name="examples">Numbers of the examples.</param>
    /// <param name="encodings">Token ids of all examples.</param>
    /// <param name="length">T; that of the longest of these examples where null.</param>
    /// <param name="padId">Fills the rows up.</param>
    /// <param name="lengths">How many ids of each row are real.</param>
    public static Tensor Create(ReadOnlySpan<int> examples, IReadOnlyList<int[]> encodings, int? length, int padId, out int[] lengths)
    {
        lengths = new int[examples.Length];
        for (var row = 0; row < lengths.Length; row++)
            lengths[row] = encodings[examples[row]].Length;
        var steps = length ?? lengths.Max();
        var ids = Tensor.Empty([lengths.Length, steps], DType.I64);
        var values = ids.AsSpan<long>();
        values.Fill(padId);
        for (var row = 0; row < lengths.Length; row++)
            for (var step = 0; step < lengths[row]; step++)
                values[row * steps + step] = encodings[examples[row]][step];
        return ids;
    }
}
