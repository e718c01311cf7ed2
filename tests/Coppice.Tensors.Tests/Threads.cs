using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Tests;

/// <summary>Runs computations on a number of threads; tests that use it are of the collection that runs alone.</summary>
internal static class Threads
{
    /// <summary>What a computation gives on so many threads.</summary>
    public static T On<T>(int threads, Func<T> compute)
    {
        var before = Workers.ThreadCount;
        Workers.ThreadCount = threads;
        try
        {
            return compute();
        }
        finally
        {
            Workers.ThreadCount = before;
        }
    }
}
