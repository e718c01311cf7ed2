using Coppice.Graphs;
using Coppice.Tensors;

namespace Coppice.Pruning.Dependency;

/// <summary>What the linear layers and convolutions of a graph read on calibration data, channel by channel.</summary>
public sealed class ActivationMoments
{
    private readonly Dictionary<Node, ChannelMoments[]> _ofNodes = [];
    private readonly Dictionary<(Value Weight, int Axis), List<ChannelMoments[]>> _ofWeights = [];

    private ActivationMoments()
    {
    }

    /// <summary>Runs a graph and sums up what is read.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="inputs">Sets of its inputs, each in its order; at least one.</param>
    /// <exception cref="PruningException">There are no inputs.</exception>
    public static ActivationMoments Gather(Graph graph, IEnumerable<IReadOnlyList<Tensor>> inputs) => Gather(graph, inputs, null, new HashSet<Node>());

    /// <summary>The same of some nodes alone unless they are null, with the products of channels for some.</summary>
    internal static ActivationMoments Gather(
        Graph graph, IEnumerable<IReadOnlyList<Tensor>> inputs, IReadOnlySet<Node>? nodes, IReadOnlySet<Node> withProducts)
    {
        var moments = new ActivationMoments();
        CalibrationRun.Over(graph, inputs, (node, read) =>
        {
            if (nodes?.Contains(node) == false || Consumer.Of(node) is not { } consumer)
                return;
            if (!moments._ofNodes.TryGetValue(node, out var groups))
                moments.Add(node, consumer, groups = [.. Enumerable.Range(0, consumer.Groups)
                    .Select(_ => new ChannelMoments(consumer.Channels, withProducts.Contains(node)))]);
            for (var group = 0; group < groups.Length; group++)
                groups[group].Add(read[0].Narrow(consumer.InputAxis, group * consumer.Channels, consumer.Channels), consumer.InputAxis);
        });
        return moments;
    }

    /// <summary>What a node reads, for each group of a grouped convolution.</summary>
    /// <exception cref="KeyNotFoundException">It is no linear layer or convolution over channels.</exception>
    internal IReadOnlyList<ChannelMoments> Of(Node node) => _ofNodes[node];

    /// <summary>The same of each node that reads a member's channels through its weight.</summary>
    internal IReadOnlyList<IReadOnlyList<ChannelMoments>> Of(GroupMember member) =>
        _ofWeights.GetValueOrDefault((member.Value, member.Axis)) is { } read ? read : [];

    private void Add(Node node, Consumer consumer, ChannelMoments[] groups)
    {
        _ofNodes.Add(node, groups);
        if (consumer.OwnAxis is not { } axis)
            return;
        if (!_ofWeights.TryGetValue((consumer.Weight, axis), out var all))
            _ofWeights.Add((consumer.Weight, axis), all = []);
        all.Add(groups);
    }
}

/// <summary>Sums over all positions and examples of what enters a layer, by channel.</summary>
/// <param name="channels">Number of channels.</param>
/// <param name="withProducts">Whether products of channels are summed too.</param>
internal sealed class ChannelMoments(int channels, bool withProducts)
{
    /// <summary>Positions and examples seen.</summary>
    public long Count { get; private set; }

    /// <summary>Sum of x, [channels].</summary>
    public double[] Sums { get; } = new double[channels];

    /// <summary>Sum of |x|, [channels].</summary>
    public double[] Magnitudes { get; } = new double[channels];

    /// <summary>Sum of x^2, [channels].</summary>
    public double[] Squares { get; } = new double[channels];

    /// <summary>Sum of x(i) x(j), [channels, channels] row by row; empty where it is not wanted.</summary>
    public double[] Products { get; } = withProducts ? new double[checked(channels * channels)] : [];

    /// <summary>Adds what a layer reads.</summary>
    public void Add(Tensor x, int axis)
    {
        // [B, C, positions], or [B, positions, C] turned round
        var rows = axis == 1 && x.Shape.Rank > 2 ? x.Contiguous().Reshape(x.Shape[0], channels, -1)
            : x.Contiguous().Reshape(1, -1, channels).Transpose(1, 2).Contiguous();
        for (var batch = 0; batch < rows.Shape[0]; batch++)
            Add(rows.Narrow(0, batch, 1).Reshape(channels, -1));
    }

    private void Add(Tensor rows)
    {
        var (values, positions) = (rows.ToArray<float>(), rows.Shape[1]);
        for (var channel = 0; channel < channels; channel++)
            foreach (var value in values.AsSpan(channel * positions, positions))
            {
                Sums[channel] += value;
                Magnitudes[channel] += Math.Abs(value);
                Squares[channel] += (double)value * value;
            }
        Count += positions;
        if (!withProducts)
            return;
        var products = rows.MatMul(rows.Transpose(0, 1)).ToArray<float>();
        for (var i = 0; i < products.Length; i++)
            Products[i] += products[i];
    }
}
