using System.Numerics.Tensors;

namespace Coppice.Tensors.Kernels;

/// <summary>Adds rows into those of a table that their numbers name.</summary>
internal static unsafe class ScatterAdd
{
    /// <summary><c>table[v] (+)= sum over i with ids[i] = v of rows[i]</c>, in the order of i; every id is in 0..entries-1.</summary>
    /// <remarks>Each chunk has a range of the table to itself, so no two threads write to one row.</remarks>
    public static void Run(long* ids, long count, float* rows, float* table, int entries, int size, bool adds) =>
        Workers.For(RowChunks.Count(entries, size), chunk =>
        {
            var (first, end) = RowChunks.Range(entries, size, chunk);
            if (!adds)
                new Span<float>(table + first * size, checked((int)((end - first) * size))).Clear();
            for (var i = 0L; i < count; i++)
            {
                if (ids[i] < first || ids[i] >= end)
                    continue;
                var target = new Span<float>(table + ids[i] * size, size);
                TensorPrimitives.Add(target, new ReadOnlySpan<float>(rows + i * size, size), target);
            }
        });
}
