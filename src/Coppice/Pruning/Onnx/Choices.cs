using Coppice.Onnx;
using Coppice.Tensors;
using Coppice.Tensors.Autograd;

namespace Coppice.Pruning.Onnx;

/// <summary>What a model chooses by value, as it chose for the example inputs: the whole numbers and Bools that it makes of floats.</summary>
/// <remarks>
/// Boxes that are nearly as good as each other change places by rounding, and then everything behind differs. So a model and a smaller one
/// are compared with the same choices, and at the floats from which each of them would have chosen.
/// </remarks>
internal sealed class Choices
{
    private const int Passed = 16;

    private readonly HashSet<string> _computed;
    private readonly Dictionary<string, List<Choice>> _made = [];
    private readonly HashSet<Tensor> _tensors = [];

    private Choices(HashSet<string> computed) => _computed = computed;

    /// <summary>None: all that the model computes is compared as it is.</summary>
    public static Choices None { get; } = new([]);

    /// <summary>
    /// Runs a model, and notes what it chooses. Where nothing passes a comparison, a few entries do, or what is behind would not run.
    /// </summary>
    /// <exception cref="OnnxException">It does not run.</exception>
    public static Choices Of(OnnxModule module, IReadOnlyList<Tensor> inputs)
    {
        using var scope = new TensorScope();
        using var paused = Tape.Pause();
        var choices = new Choices(ComputedIn(module.Graph));
        module.Forward(inputs, null, revise: choices.Note, recycles: true);
        return choices;
    }

    /// <summary>For one more run, with the same choices.</summary>
    public Repetition Repeat() => new(_made);

    /// <summary>Whether a tensor is one of the choices.</summary>
    public bool Contains(Tensor tensor) => _tensors.Contains(tensor);

    /// <summary>Names of what depends on values of the inputs, not on their sizes alone unless these count too; in subgraphs too.</summary>
    public static HashSet<string> ComputedIn(GraphProto graph, bool withSizes = false)
    {
        var known = graph.Initializers.Select(tensor => tensor.Name ?? "").ToHashSet();
        var computed = graph.Inputs.Select(input => input.Name ?? "").Where(name => !known.Contains(name)).ToHashSet();
        Collect(graph);
        return computed;

        void Collect(GraphProto part)
        {
            foreach (var node in part.Nodes)
            {
                if ((withSizes || node.OpType is not ("Shape" or "Size")) && node.Reads().Any(computed.Contains))
                    computed.UnionWith(node.Outputs);
                foreach (var body in node.Subgraphs())
                {
                    computed.UnionWith(body.Inputs.Select(input => input.Name ?? ""));
                    Collect(body);
                }
            }
        }
    }

    private void Note(string path, NodeProto node, Tensor?[] inputs, Tensor?[] outputs)
    {
        int[] reads = [.. Enumerable.Range(0, inputs.Length)
            .Where(i => inputs[i] is { } input && input.DType.IsFloatingPoint() && _computed.Contains(node.Inputs[i]))];
        if (node.OpType is "Shape" or "Size" || (reads.Length == 0 && node.OpType != "NonZero") || Array.TrueForAll(outputs, IsNoChoice))
            return;
        for (var i = 0; i < outputs.Length; i++)
            if (!IsNoChoice(outputs[i]))
                _tensors.Add(outputs[i] = TensorScope.Detach(SomeOf(outputs[i]!)));
        var key = Key(path, node);
        if (!_made.TryGetValue(key, out var list))
            _made.Add(key, list = []);
        list.Add(new(reads, [.. outputs.Select(output => IsNoChoice(output) ? null : output)]));
    }

    private static string Key(string path, NodeProto node) => path + node.Outputs.Find(name => name.Length > 0);

    private static bool IsNoChoice(Tensor? output) => output is null || output.DType.IsFloatingPoint() || OnnxSequence.IsStandIn(output);

    private static Tensor SomeOf(Tensor chosen)
    {
        if (chosen.DType != DType.Bool || chosen.Shape.Rank == 0 || chosen.Count == 0 || chosen.ToArray<bool>().Contains(true))
            return chosen.Contiguous();
        var some = new bool[chosen.Count];
        for (var i = 0L; i < Passed; i++)
            some[i * chosen.Count / Passed] = true;
        return Tensor.From<bool>(some, chosen.Shape);
    }

    /// <summary>A run with choices that were made before.</summary>
    /// <param name="made">What each node chose, in the order of its runs.</param>
    internal sealed class Repetition(Dictionary<string, List<Choice>> made)
    {
        private readonly Dictionary<string, int> _turns = [];

        /// <summary>The floats that choices would have been made from, by name.</summary>
        public OrderedDictionary<string, Tensor> Read { get; } = [];

        /// <summary>Puts the choices in place of what a node makes now.</summary>
        public void Revise(string path, NodeProto node, Tensor?[] inputs, Tensor?[] outputs)
        {
            var key = Key(path, node);
            if (!made.TryGetValue(key, out var list))
                return;
            var turn = _turns[key] = _turns.GetValueOrDefault(key, -1) + 1;
            if (turn >= list.Count)
                throw new NotSupportedException($"it runs more than the {list.Count} times that it ran before");
            for (var i = 0; i < outputs.Length; i++)
                outputs[i] = list[turn].Outputs[i] ?? outputs[i];
            foreach (var i in list[turn].Reads)
                Read[$"{key} reads {i}" + (turn == 0 ? "" : $", turn {turn}")] = inputs[i]!;
        }
    }

    /// <summary>What a node chose in one of its runs.</summary>
    /// <param name="Reads">Numbers of its inputs that are floats.</param>
    /// <param name="Outputs">What it made; null for floats.</param>
    internal sealed record Choice(IReadOnlyList<int> Reads, IReadOnlyList<Tensor?> Outputs);
}
