namespace Coppice.Tensors.Kernels;

/// <summary>How kernels that work row by row share out whole rows, about <see cref="Elementwise.Chunk"/> elements at a time.</summary>
internal static class RowChunks
{
    /// <summary>Number of chunks.</summary>
    public static int Count(long rows, int size) => checked((int)((rows + PerChunk(size) - 1) / PerChunk(size)));

    /// <summary>The rows of one chunk.</summary>
    public static (long First, long End) Range(long rows, int size, int chunk) =>
        (chunk * PerChunk(size), Math.Min(rows, (chunk + 1) * PerChunk(size)));

    private static long PerChunk(int size) => Math.Max(1, Elementwise.Chunk / Math.Max(1, size));
}
