using Coppice.Bench;

// dotnet run -c Release --project bench/Coppice.Bench -- gemm
var benchmarks = new Dictionary<string, Action<Report>>
{
    ["gemm"] = GemmBenchmark.RunProducts,
    ["gemv"] = GemmBenchmark.RunDecode,
};

if (args is not [var name] || !benchmarks.TryGetValue(name, out var benchmark))
{
    Console.Error.WriteLine($"Name one benchmark: {string.Join(", ", benchmarks.Keys)}.");
    return 2;
}
if (OpenBlas.RestartWithoutOverrides(args) is { } exitCode)
    return exitCode;
var report = new Report(name);
benchmark(report);
Console.WriteLine($"Written to {report.Save()}");
return 0;
