#:project ../src/Coppice/Coppice.csproj
#:property PublishAot=false

// Any ONNX file: what can shrink, a third of it removed, the smaller file verified and run beside the first.
// Run: dotnet run samples/prune-onnx.cs
using System.Diagnostics;
using Coppice.Graphs;
using Coppice.Onnx;
using Coppice.Pruning.Dependency;
using Coppice.Pruning.Onnx;
using Coppice.Tensors;

const string path = "samples/models/onnx/mnist_cntk.onnx";
var smaller = Path.Combine(Path.GetTempPath(), "coppice-sample-smaller.onnx");

var pruning = OnnxPruning.Open(path);
foreach (var group in pruning.Dependencies.Groups)
    Console.WriteLine(group);
var removal = new GroupPruning { Ratio = 1 / 3.0 }.Choose(pruning.Dependencies, new GroupImportance(new GroupMagnitude()));
var verification = pruning.Save(removal, smaller, overwrite: true);
Console.WriteLine($"verified: largest difference {verification.LargestDifference:G2}");

foreach (var file in new[] { path, smaller })
{
    using var opened = OnnxFile.Open(file);
    var model = new OnnxModule(opened).Optimized(new TraceInput("image", Tensor.Zeros([1, 1, 28, 28])));
    var start = Stopwatch.GetTimestamp();
    for (var run = 0; run < 200; run++)
        using (new TensorScope())
            model.Forward(Tensor.Full([1, 1, 28, 28], 0.5f));
    Console.WriteLine($"{Path.GetFileName(file)}: {new FileInfo(file).Length:N0} bytes, {Stopwatch.GetElapsedTime(start).TotalMilliseconds / 200:F3} ms");
}
