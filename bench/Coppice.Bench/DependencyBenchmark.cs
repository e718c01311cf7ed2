using System.Diagnostics;
using Coppice.Graphs;
using Coppice.Models.Vision;
using Coppice.Pruning.Dependency;
using Coppice.Tensors;
using Coppice.Tensors.Ops;
using Parameter = Coppice.Modules.Parameter;

namespace Coppice.Bench;

/// <summary>Finding out what of a model must shrink together, on one thread. Target: under 1 s for ResNet-50 and for a Llama of 32 layers.</summary>
internal static class DependencyBenchmark
{
    private const int Rounds = 15;
    private const int Tokens = 16;

    public static void Run(Report report)
    {
        report.Line("\nDependencyGraph.Of(graph), which runs on one thread; tracing or building the graph is not in it. The Llama has the "
            + "sizes of the one of 7 billion parameters. The first call compiles the code.");
        report.Header("model", "nodes", "parameters' axes", "groups", "first call, ms", "median, ms");
        Add(report, "ResNet-50", ResNet50());
        Add(report, "Llama, 32 layers", Llama(layers: 32, width: 4096, heads: 32, inner: 11008));
    }

    private static void Add(Report report, string name, Graph graph)
    {
        var start = Stopwatch.GetTimestamp();
        var dependencies = DependencyGraph.Of(graph);
        var first = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        var median = 1000 * Measure.Medians(Rounds, () => DependencyGraph.Of(graph))[0];
        var axes = graph.Values.OfType<ParameterValue>().Sum(value => value.SampleShape.Rank);
        report.Row(name, $"{graph.Nodes.Count}", $"{axes}", $"{dependencies.Groups.Count}", $"{first:f0}", $"{median:f1}");
    }

    private static Graph ResNet50() =>
        GraphTracer.Trace(VisionModels.Find("resnet50")!.Create(1000), new TraceInput("x", Tensor.Zeros([1, 3, 64, 64]), "batch"));

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
