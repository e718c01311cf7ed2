using Coppice.Tensors;
using Coppice.Tensors.Ops;

namespace Coppice.Models;

/// <summary>Positions and attention masks of batches whose rows are padded to one length.</summary>
internal static class Padding
{
    // Finite, so that a query which sees padding only still has a defined softmax.
    private const float Hidden = float.MinValue / 2;

    /// <summary>I64 [batch, steps]: each row's positions counted from its first real token; padding in front gets 0.</summary>
    public static Tensor Positions(IReadOnlyList<int> leading, int past, int steps)
    {
        var positions = Tensor.Empty([leading.Count, steps], DType.I64);
        var values = positions.AsSpan<long>();
        for (var row = 0; row < leading.Count; row++)
            for (var step = 0; step < steps; step++)
                values[row * steps + step] = Math.Max(0, past + step - leading[row]);
        return positions;
    }

    /// <summary>Additive mask F32 [batch, 1, 1, keys] that hides the first <paramref name="leading"/> keys of each row.</summary>
    public static Tensor LeadingMask(IReadOnlyList<int> leading, int keys) => Mask(leading.Count, keys, row => ..leading[row]);

    /// <summary>Additive mask F32 [batch, 1, 1, keys] that hides the keys behind each row's length.</summary>
    public static Tensor TrailingMask(IReadOnlyList<int> lengths, int keys) => Mask(lengths.Count, keys, row => lengths[row]..);

    /// <summary>Each row's positions, counted by ops from its first token on; padding in front gets 0.</summary>
    /// <param name="attention">I64 [batch, steps]: 1 for a token, 0 for padding.</param>
    public static Tensor Positions(Tensor attention) => Op.ApplySingle(new CumulativeSum(1), attention)
        .Subtract(Tensor.Full([], 1).Cast(DType.I64)).Maximum(Tensor.Full([], 0).Cast(DType.I64));

    /// <summary>Additive mask F32 [batch, 1, 1, keys], made by ops, that hides padding.</summary>
    /// <param name="attention">I64 [batch, keys]: 1 for a token, 0 for padding.</param>
    public static Tensor Mask(Tensor attention) =>
        Tensor.Full([], 1).Subtract(attention.Cast(DType.F32)).Multiply(Tensor.Full([], Hidden)).Unsqueeze(1).Unsqueeze(1);

    /// <summary>Additive mask F32 [steps, steps] that hides the keys behind each query.</summary>
    public static Tensor CausalMask(int steps)
    {
        var mask = Tensor.Zeros([steps, steps]);
        var values = mask.AsSpan<float>();
        for (var query = 0; query < steps; query++)
            values.Slice(query * steps, steps)[(query + 1)..].Fill(Hidden);
        return mask;
    }

    private static Tensor Mask(int rows, int keys, Func<int, Range> hidden)
    {
        var mask = Tensor.Zeros([rows, 1, 1, keys]);
        var values = mask.AsSpan<float>();
        for (var row = 0; row < rows; row++)
            values.Slice(row * keys, keys)[hidden(row)].Fill(Hidden);
        return mask;
    }
}
