using System.Globalization;
using Coppice.Bench;

// dotnet run -c Release --project bench/Coppice.Bench -- gemm
var benchmarks = new Dictionary<string, Action<Report>>
{
    ["gemm"] = GemmBenchmark.RunProducts,
    ["ops"] = OpBenchmark.Run,
    ["gemv"] = GemmBenchmark.RunDecode,
    ["prune"] = PruneBenchmark.Run,
    ["large"] = LargeCheckpointBenchmark.Run,
    ["generation"] = GenerationBenchmark.Run,
    ["conv"] = report => ConvBenchmark.Run(report),
    ["classification"] = ClassificationBenchmark.Run,
    ["masks"] = MaskBenchmark.Run,
    ["training"] = TrainingBenchmark.Run,
    ["cnn"] = CnnTrainingBenchmark.Run,
    ["training-profile"] = TrainingBenchmark.RunProfile,
};

switch (args)
{
    case ["make-gpt2-small", var folder]:
        SyntheticCheckpoint.MakeGpt2Small(folder);
        return 0;
    case ["make-llama-7b", var folder]:
        SyntheticCheckpoint.MakeLlama7B(folder);
        return 0;
    case ["onnx-conformance", var folder]:
        return OnnxConformance.Run(folder);
    case ["onnx-pruning", .. var models]:
        return OnnxPruningTable.Run(models);
    case ["onnx-runtime-cases", var folder, .. var models]:
        return OnnxRuntimeCases.Write(folder, models);
    case ["dependencies", var vit]:
        DependencyBenchmark.Run(vit);
        return 0;
    case ["conv", var part]:
        ConvBenchmark.Run(new Report("conv"), part);
        return 0;
    case ["onnx-speed", var batch, var threads, var model]
        when int.TryParse(batch, out var images) && int.TryParse(threads, out var workers):
        OnnxSpeedBenchmark.Run(new Report("onnx-speed"), [model], [images], [workers]);
        return 0;
    case ["onnx-speed", .. var models]:
        var speeds = new Report("onnx-speed");
        OnnxSpeedBenchmark.Run(speeds, models, [1, 8], [.. Enumerable.Range(1, Math.Min(2, Environment.ProcessorCount))]);
        Console.WriteLine($"Written to {speeds.Save()}");
        return 0;
    case ["onnx-outputs", .. var models]:
        return OnnxOutputs.Run(models);
    case ["recipes", var runs, var plot]:
        RecipeResults.Write(runs, plot);
        return 0;
    case ["training-memory", var model, var threads]:
        TrainingBenchmark.PrintPeakMemory(model, int.Parse(threads, CultureInfo.InvariantCulture));
        return 0;
}
if (args is not [var name] || !benchmarks.TryGetValue(name, out var benchmark))
{
    Console.Error.WriteLine($"Name one benchmark: {string.Join(", ", benchmarks.Keys)}; or make-gpt2-small FOLDER, make-llama-7b FOLDER, "
        + "recipes RUNS PLOT.svg, onnx-conformance FOLDER, onnx-pruning FILES, onnx-outputs FILES, onnx-speed FILES, dependencies VIT.onnx; "
        + "or, for some rows that are not written to a file, conv PART-OF-A-NAME, onnx-speed BATCH THREADS FILE.");
    return 2;
}
if (OpenBlas.RestartWithoutOverrides(args) is { } exitCode)
    return exitCode;
var report = new Report(name);
benchmark(report);
Console.WriteLine($"Written to {report.Save()}");
return 0;
