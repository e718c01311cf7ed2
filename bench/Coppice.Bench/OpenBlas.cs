using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Coppice.Bench;

/// <summary>The peer: OpenBLAS as Debian ships it (package libopenblas0-pthread).</summary>
internal static unsafe partial class OpenBlas
{
    private const string Library = "/usr/lib/x86_64-linux-gnu/openblas-pthread/libopenblas.so.0";

    /// <summary>Variables that make OpenBLAS choose a kernel of another machine.</summary>
    private static readonly string[] Overrides = ["OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "OPENBLAS_NUM_THREADS"];

    /// <summary>The kernel family it chose, SkylakeX for AVX-512.</summary>
    public static string CoreName => Marshal.PtrToStringUTF8(GetCoreName()) ?? "unknown";

    /// <summary>Runs this benchmark again without the variables above where any is set, and returns its exit code; else null.</summary>
    /// <remarks>The library reads them when it is loaded, from an environment that a running process can't change.</remarks>
    public static int? RestartWithoutOverrides(string[] args)
    {
        if (!Array.Exists(Overrides, name => Environment.GetEnvironmentVariable(name) is not null))
            return null;
        var start = new ProcessStartInfo(Environment.ProcessPath!, args);
        foreach (var name in Overrides)
            start.Environment.Remove(name);
        using var child = Process.Start(start)!;
        child.WaitForExit();
        return child.ExitCode;
    }

    /// <summary>C = A·op(B), all row-major; <paramref name="transB"/> where B is stored [n, k].</summary>
    public static void Multiply(int m, int n, int k, float* a, float* b, bool transB, float* c) =>
        Sgemm(RowMajor, NoTrans, transB ? Trans : NoTrans, m, n, k, 1, a, k, b, transB ? k : n, 0, c, n);

    /// <summary>c = x·op(B), as <see cref="Multiply"/> with one row.</summary>
    public static void MultiplyRow(int n, int k, float* x, float* b, bool transB, float* c)
    {
        var (rows, columns) = transB ? (n, k) : (k, n);
        Sgemv(RowMajor, transB ? NoTrans : Trans, rows, columns, 1, b, columns, x, 1, 0, c, 1);
    }

    [LibraryImport(Library, EntryPoint = "openblas_set_num_threads")]
    public static partial void SetThreads(int count);

    private const int RowMajor = 101, NoTrans = 111, Trans = 112;

    [LibraryImport(Library, EntryPoint = "openblas_get_corename")]
    private static partial nint GetCoreName();

    [LibraryImport(Library, EntryPoint = "cblas_sgemm")]
    private static partial void Sgemm(int order, int transA, int transB, int m, int n, int k,
        float alpha, float* a, int lda, float* b, int ldb, float beta, float* c, int ldc);

    [LibraryImport(Library, EntryPoint = "cblas_sgemv")]
    private static partial void Sgemv(int order, int trans, int rows, int columns,
        float alpha, float* a, int lda, float* x, int incx, float beta, float* y, int incy);
}
