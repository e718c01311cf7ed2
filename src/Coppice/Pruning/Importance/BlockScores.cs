using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Coppice.Checkpoints;
using Coppice.Pruning.Streaming;

namespace Coppice.Pruning.Importance;

/// <summary>How blocks lie in a stored matrix, row by row.</summary>
/// <param name="MatrixColumns">Stored columns of the matrix.</param>
/// <param name="Height">Stored rows of a block.</param>
/// <param name="Width">Stored columns of a block.</param>
/// <param name="Blocks">Number of blocks.</param>
internal readonly record struct BlockGrid(int MatrixColumns, int Height, int Width, long Blocks)
{
    /// <summary>The block of the element at a flat index.</summary>
    public int BlockOf(long element)
    {
        var (row, column) = Math.DivRem(element, MatrixColumns);
        return (int)(row / Height * (MatrixColumns / Width) + column / Width);
    }
}

/// <summary>Norms of blocks.</summary>
internal static class BlockScores
{
    /// <summary>The sum of magnitudes, or of their squares, of each block, in the order of the elements.</summary>
    public static double[] Compute(TensorSource source, BlockGrid grid, bool squared)
    {
        var scores = new double[grid.Blocks];
        var values = ArrayPool<double>.Shared.Rent(TensorChunks.Length);
        using var lease = TensorChunks.Rent();
        foreach (var chunk in TensorChunks.Split([source.Count]))
        {
            var magnitudes = values.AsSpan(0, chunk.Count);
            ChannelNorms.Magnitudes(source.Elements(chunk.First, chunk.Count, lease.Buffer), source.DType, magnitudes);
            for (var i = 0; i < magnitudes.Length; i++)
                scores[grid.BlockOf(chunk.First + i)] += squared ? magnitudes[i] * magnitudes[i] : magnitudes[i];
        }
        ArrayPool<double>.Shared.Return(values);
        return scores;
    }
}

/// <summary>Ranks numbers in memory, floats or doubles without a sign.</summary>
internal sealed class ArrayKeys<T>(T[] scores) : KeySource(scores.Length, Unsafe.SizeOf<T>()) where T : unmanaged
{
    /// <inheritdoc/>
    public override ReadOnlySpan<byte> Read(long first, int count, Span<byte> scratch) =>
        MemoryMarshal.AsBytes(scores.AsSpan((int)first, count));
}
