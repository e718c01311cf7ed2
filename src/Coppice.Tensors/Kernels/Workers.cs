namespace Coppice.Tensors.Kernels;

/// <summary>Runs pieces of a kernel on the machine's cores.</summary>
public static class Workers
{
    /// <summary>How many threads kernels use; the machine's processors by default.</summary>
    public static int ThreadCount { get; set; } = Environment.ProcessorCount;

    /// <summary>Calls <paramref name="body"/> for each chunk 0..<paramref name="chunks"/>, in any order, and returns when all are done.</summary>
    public static void For(int chunks, Action<int> body)
    {
        if (chunks <= 1 || ThreadCount == 1)
        {
            for (var i = 0; i < chunks; i++)
                body(i);
            return;
        }
        Parallel.For(0, chunks, new ParallelOptions { MaxDegreeOfParallelism = ThreadCount }, body);
    }
}
