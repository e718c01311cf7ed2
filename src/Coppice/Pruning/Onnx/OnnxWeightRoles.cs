using Coppice.Onnx;
using Coppice.Pruning.Selection;

namespace Coppice.Pruning.Onnx;

/// <summary>Tells from a graph's nodes which weights are pruned by default: those of convolutions, matrix products and recurrent layers
/// that another such layer follows.</summary>
internal static class OnnxWeightRoles
{
    private const string Vector = "a vector: bias or normalisation";
    private const string Rearranged = "only reshaped";
    private const string Head = "the model's head: no layer with weights follows it";

    /// <summary>The role of each tensor that a node reads, by name.</summary>
    public static Dictionary<string, WeightRole> Of(GraphProto graph)
    {
        var nodes = Flatten(graph).ToList();
        var origins = Origins(graph, nodes);
        var roles = new Dictionary<string, WeightRole>();
        var beforeWeights = new HashSet<string>();
        foreach (var node in Enumerable.Reverse(nodes))
        {
            var follows = node.Outputs.Any(beforeWeights.Contains);
            var hasWeight = false;
            foreach (var (input, name) in node.Inputs.Index())
                if (origins.TryGetValue(name, out var origin))
                {
                    var role = RoleAt(node, input, origin);
                    hasWeight |= role.WhyOut is null;
                    Add(roles, origin.Name, role.WhyOut is null && !follows ? role with { WhyOut = Head } : role);
                }
            if (follows || hasWeight)
                beforeWeights.UnionWith(node.Inputs);
        }
        return IncludeSomething(roles);
    }

    /// <summary>Nodes in order, those of bodies before the node that has them.</summary>
    private static IEnumerable<NodeProto> Flatten(GraphProto graph) => graph.Nodes.SelectMany(node => node.Subgraphs()
        .SelectMany(Flatten).Append(node));

    /// <summary>Which tensor a value is, also where it was reshaped or transposed first.</summary>
    private static Dictionary<string, Origin> Origins(GraphProto graph, List<NodeProto> nodes)
    {
        var origins = graph.Initializers.ToDictionary(tensor => tensor.Name ?? "", tensor => Origin.Of(tensor.Name ?? "", tensor));
        foreach (var node in nodes)
            if (OnnxWeights.IsConstant(node, out var tensor))
                origins[node.Outputs[0]] = Origin.Of(node.Outputs[0], tensor);
            else if (node.Inputs.Count > 0 && node.Outputs.Count == 1 && origins.TryGetValue(node.Inputs[0], out var origin)
                && Rearranges(node))
                origins[node.Outputs[0]] = origin with { IsTransposed = origin.IsTransposed ^ (node.OpType == "Transpose") };
        return origins;
    }

    private static bool Rearranges(NodeProto node) =>
        node.OpType is "Reshape" or "Identity" or "Cast" or "Transpose" or "Squeeze" or "Unsqueeze" or "Flatten" or "DequantizeLinear";

    private static WeightRole RoleAt(NodeProto node, int input, Origin origin)
    {
        if (origin.Rank < 2)
            return new(Vector);
        var inputMajor = origin.Rank == 2 && (node.OpType, input) switch
        {
            ("MatMul", 1) => true,
            ("Gemm", 1) => node.Attribute("transB")?.Int is not 1,
            ("Gemm", 0) => node.Attribute("transA")?.Int is 1,
            _ => false,
        };
        return (node.OpType, input) switch
        {
            ("Conv" or "ConvTranspose" or "ConvInteger", 1) or ("LSTM" or "GRU" or "RNN", 1 or 2) or ("MatMul" or "Gemm", 0 or 1) =>
                new(null, inputMajor ^ (origin.IsTransposed && origin.Rank == 2)),
            ("Gather", 0) => new("an embedding"),
            (_, 0) when Rearranges(node) => new(Rearranged),
            _ => new(origin.IsVector ? Vector : $"{node} reads it, which is no linear layer"),
        };
    }

    /// <summary>A use as a weight counts before any other, and as a head after one within the model.</summary>
    private static void Add(Dictionary<string, WeightRole> roles, string name, WeightRole role)
    {
        if (!roles.TryGetValue(name, out var known) || Rank(role) > Rank(known))
            roles[name] = role;

        static int Rank(WeightRole role) => role.WhyOut switch { null => 3, Head => 2, Rearranged => 0, _ => 1 };
    }

    /// <summary>A model of heads alone has no other weights to prune than these.</summary>
    private static Dictionary<string, WeightRole> IncludeSomething(Dictionary<string, WeightRole> roles)
    {
        if (roles.Values.All(role => role.WhyOut is not null))
            foreach (var (name, role) in roles.Where(entry => entry.Value.WhyOut == Head).ToList())
                roles[name] = role with { WhyOut = null };
        return roles;
    }

    /// <summary>A stored tensor behind a value.</summary>
    private readonly record struct Origin(string Name, int Rank, bool IsVector, bool IsTransposed)
    {
        public static Origin Of(string name, TensorProto tensor) => new(name, tensor.Dims.Count, tensor.Dims.Count(size => size > 1) < 2, false);
    }
}
