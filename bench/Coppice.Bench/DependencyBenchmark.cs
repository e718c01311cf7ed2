using System.Diagnostics;
using System.Text.Json;
using Coppice.Graphs;
using Coppice.Models.Vision;
using Coppice.Onnx;
using Coppice.Pruning.Dependency;
using Coppice.Tensors;
using Coppice.Tensors.Ops;
using static Coppice.Bench.Measure;
using Parameter = Coppice.Modules.Parameter;

namespace Coppice.Bench;

/// <summary>
/// Finding out what of a model must shrink together, on one thread. Target: under 1 s for each, and 10 times as fast as Torch-Pruning.
/// </summary>
internal static class DependencyBenchmark
{
    private const int Calls = 50;
    private const int Tokens = 16;

    /// <param name="vit">A ViT-B/16 exported to ONNX.</param>
    public static void Run(string vit)
    {
        var report = new Report("dependencies");
        report.Line("\nWhat of a model shrinks together: DependencyGraph.Of(graph) with its groups, on one thread. Processor time, median of "
            + $"{Calls} calls, and the first. Tracing, which runs the model, comes before it (the Llama, with the sizes of the one of 7 billion "
            + "parameters, is built without). Torch-Pruning: build_dependency and get_all_groups, and the same without the forward pass in it.");
        report.Header("model", "nodes", "groups", "trace, ms", "first call, ms", "calls, ms", "Torch-Pruning, ms", "without forward", "ratio");
        var peer = Peer();
        var resnet = VisionModels.Find("resnet50")!.Create(1000);
        Add(report, peer, "ResNet-50", () => GraphTracer.Trace(resnet, new TraceInput("x", Tensor.Zeros([1, 3, 64, 64]), "batch")));
        using var file = OnnxFile.Open(vit);
        var (module, image) = (new OnnxModule(file), Tensor.Zeros([1, 3, 224, 224]));
        Add(report, peer, "ViT-B/16", () => GraphTracer.Trace(module, x => module.Forward(x), new TraceInput("x", image)));
        Add(report, peer, "Llama, 32 layers", () => Llama(layers: 32, width: 4096, heads: 32, inner: 11008));
        Console.WriteLine($"Written to {report.Save()}");
    }

    private static void Add(Report report, JsonElement? peer, string name, Func<Graph> make)
    {
        var graph = make();
        var traced = ProcessorTime(() => graph = make(), 3);
        var groups = 0;
        var first = ProcessorTime(() => groups = DependencyGraph.Of(graph).Groups.Count, 1);
        var later = ProcessorTime(() => DependencyGraph.Of(graph), Calls);
        var (total, rest, ratio) = ("", "", "");
        if (peer is { } times && times.TryGetProperty(name, out var theirs))
        {
            var (all, forward) = (theirs[0].GetDouble(), theirs[1].GetDouble());
            (total, rest, ratio) = ($"{all:f0}", $"{all - forward:f0}", $"{(all - forward) / later:f1}");
        }
        report.Row(name, $"{graph.Nodes.Count}", $"{groups}", $"{traced:f0}", $"{first:f0}", $"{later:f1}", total, rest, ratio);
    }

    /// <summary>What Torch-Pruning takes, where PYTHONPATH leads to it: milliseconds of all and of the forward pass, by model.</summary>
    private static JsonElement? Peer()
    {
        if (Environment.GetEnvironmentVariable("PYTHONPATH") is null)
            return null;
        using var process = Process.Start(new ProcessStartInfo("/usr/bin/python3", [Path.Combine(Report.Root, "bench", "peers", "dependency_peer.py")])
        { RedirectStandardOutput = true })!;
        return JsonElement.Parse(process.StandardOutput.ReadToEnd());
    }

    /// <summary>Milliseconds a call, the median, of all threads: on a busy machine the clock would measure the others' work.</summary>
    private static double ProcessorTime(Action action, int calls) => Median([.. Enumerable.Range(0, calls).Select(_ =>
    {
        var start = Environment.CpuUsage.TotalTime;
        action();
        return (Environment.CpuUsage.TotalTime - start).TotalMilliseconds;
    })]);

    private static Graph Llama(int layers, int width, int heads, int inner)
    {
        var builder = new GraphBuilder();
        var x = Apply(new Embedding(), builder.Input("ids", DType.I64, 1, Tokens), Weight("embed", 32000, width));
        var (positions, frequencies) = (Apply(new Arange(0, Tokens)), builder.Constant(Unread([width / heads / 2])));
        for (var layer = 0; layer < layers; layer++)
        {
            var (name, normal) = ($"layers.{layer}", Normalized($"layers.{layer}.norm1", x));
            var (q, k, v) = (Heads($"{name}.q", normal), Heads($"{name}.k", normal), Heads($"{name}.v", normal));
            var mixed = Apply(new Attention(true, 0.1f), Turned(q), Turned(k), v);
            x = Apply(new Add(), x, Linear($"{name}.o", mixed, width, width));
            normal = Normalized($"{name}.norm2", x);
            var gate = Apply(new Silu(), Linear($"{name}.gate", normal, width, inner));
            var gated = Apply(new Multiply(), gate, Linear($"{name}.up", normal, width, inner));
            x = Apply(new Add(), x, Linear($"{name}.down", gated, inner, width));
        }
        builder.Output("logits", Linear("head", Normalized("norm", x), width, 32000));
        return builder.Build();

        NodeValue Apply(Op op, params IReadOnlyList<Value> inputs) => builder.Apply(op, inputs)[0];

        ParameterValue Weight(string name, params int[] sizes) => builder.Parameter(name, new Parameter(Unread(sizes)));

        NodeValue Linear(string name, Value input, int from, int to) => Apply(new Linear(), input, Weight(name, to, from));

        NodeValue Normalized(string name, Value input) => Apply(new RmsNorm(1e-5f), input, Weight(name, width));

        NodeValue Heads(string name, Value input) =>
            Apply(new Transpose(1, 2), Apply(new Reshape(1, Tokens, heads, width / heads), Linear(name, input, width, width)));

        NodeValue Turned(Value input) => Apply(new RotaryEmbedding(), input, positions, frequencies);
    }

    /// <summary>A tensor of any size in the memory of one number; the analysis looks at shapes alone.</summary>
    private static Tensor Unread(int[] sizes) => new(Tensor.Zeros([1]).Storage, 0, Shape.Create(sizes), new int[sizes.Length], DType.F32);
}
