using Coppice.Tensors.Kernels;

namespace Coppice.Bench;

/// <summary>Matrix products of transformers against OpenBLAS: packing B in each call, and with weights packed ahead; decode against memory.</summary>
internal static unsafe class GemmBenchmark
{
    private static readonly bool[] BothForms = [false, true];

    private static readonly (string Name, int M, int K, int N)[] Products =
    [
        ("GPT-2 qkv", 128, 768, 2304),
        ("GPT-2 attention out", 128, 768, 768),
        ("GPT-2 mlp in", 128, 768, 3072),
        ("GPT-2 mlp out", 128, 3072, 768),
        ("GPT-2 qkv", 512, 768, 2304),
        ("GPT-2 mlp in", 512, 768, 3072),
        ("GPT-2 mlp out", 512, 3072, 768),
        ("Llama-7B mlp in", 128, 4096, 11008),
        ("GPT-2 mlp in", 8, 768, 3072),
        ("Llama-7B mlp in", 8, 4096, 11008),
    ];

    private static readonly (string Name, int K, int N)[] Decodes =
    [
        ("GPT-2 mlp in (in the cache)", 768, 3072),
        ("GPT-2 head", 768, 50257),
        ("Llama-7B mlp in", 4096, 11008),
        ("Llama-7B mlp out", 11008, 4096),
    ];

    public static void RunProducts(Report report) => ForThreads(report, () =>
    {
        report.Header("M x K x N", "", "B", "OpenBLAS GFLOP/s", "packing per call", "ratio", "packed ahead", "ratio");
        foreach (var (name, m, k, n) in Products)
            foreach (var transB in BothForms)
                Product(report, name, m, k, n, transB);
    });

    public static void RunDecode(Report report) => ForThreads(report, () =>
    {
        report.Header("1 x K x N", "", "B", "reading GB/s", "OpenBLAS", "ours", "ours / reading", "packed ahead", "/ reading");
        foreach (var (name, k, n) in Decodes)
            foreach (var transB in BothForms)
                Decode(report, name, k, n, transB);
    });

    private static void ForThreads(Report report, Action measure)
    {
        report.Line($"\nPeer: OpenBLAS, kernel {OpenBlas.CoreName}, same process, taking turns; medians; ratio = OpenBLAS's time / ours.");
        report.Line("B is [K, N] as in Hugging Face's Conv1D, or [N, K] as in torch's Linear.");
        for (var threads = 1; threads <= Math.Min(2, Environment.ProcessorCount); threads++)
        {
            Workers.ThreadCount = threads;
            OpenBlas.SetThreads(threads);
            report.Line($"\n## {threads} thread{(threads > 1 ? "s" : "")}");
            measure();
        }
    }

    private static void Product(Report report, string name, int m, int k, int n, bool transB)
    {
        using NativeBuffer a = Random((long)m * k), b = Random((long)k * n), c = Random((long)m * n);
        using var packed = new PackedMatrix(k, n, b.Pointer, transB ? k : n, transB);
        var times = Measure.Medians((long)m * k * n > 1L << 31 ? 7 : 15,
            () => OpenBlas.Multiply(m, n, k, a.Pointer, b.Pointer, transB, c.Pointer),
            () => Gemm.Multiply(m, n, k, a.Pointer, k, false, b.Pointer, transB ? k : n, transB, c.Pointer, n, false, null),
            () => Gemm.Multiply(m, a.Pointer, k, false, packed, c.Pointer, n, false, null));
        string Speed(double seconds) => $"{2e-9 * m * k * n / seconds:f0}";
        report.Row($"{m} x {k} x {n}", name, transB ? "[N, K]" : "[K, N]", Speed(times[0]),
            Speed(times[1]), $"{times[0] / times[1]:f2}", Speed(times[2]), $"{times[0] / times[2]:f2}");
    }

    private static void Decode(Report report, string name, int k, int n, bool transB)
    {
        using NativeBuffer x = Random(k), b = Random((long)k * n), c = Random(n);
        using var packed = new PackedMatrix(k, n, b.Pointer, transB ? k : n, transB);
        var times = Measure.Medians(15,
            () => ReadingSpeed.Read(b),
            () => OpenBlas.MultiplyRow(n, k, x.Pointer, b.Pointer, transB, c.Pointer),
            () => Gemm.Multiply(1, n, k, x.Pointer, k, false, b.Pointer, transB ? k : n, transB, c.Pointer, n, false, null),
            () => Gemm.Multiply(1, x.Pointer, k, false, packed, c.Pointer, n, false, null));
        string Speed(double seconds) => $"{4e-9 * k * n / seconds:f1}";
        report.Row($"1 x {k} x {n}", name, transB ? "[N, K]" : "[K, N]", Speed(times[0]), Speed(times[1]),
            Speed(times[2]), $"{times[0] / times[2]:f2}", Speed(times[3]), $"{times[0] / times[3]:f2}");
    }

    private static NativeBuffer Random(long count)
    {
        var buffer = new NativeBuffer(count);
        var state = 0x9E3779B9u;
        for (var i = 0L; i < count; i++)
        {
            state = state * 1664525 + 1013904223;
            buffer.Pointer[i] = (state >> 8) * (2f / (1 << 24)) - 1;
        }
        return buffer;
    }
}
