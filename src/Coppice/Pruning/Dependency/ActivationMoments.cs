using System.Runtime.InteropServices;
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
    // A matrix product of few rows spends its time on the sums it writes.
    private const int RowsAtOnce = 512;

    private readonly List<float> _waiting = []; // rows of channels whose products are still to be summed
    private readonly double[] _products = withProducts ? new double[checked(channels * channels)] : [];

    /// <summary>Positions and examples seen.</summary>
    public long Count { get; private set; }

    /// <summary>Sum of x, [channels].</summary>
    public double[] Sums { get; } = new double[channels];

    /// <summary>Sum of |x|, [channels].</summary>
    public double[] Magnitudes { get; } = new double[channels];

    /// <summary>Sum of x^2, [channels].</summary>
    public double[] Squares { get; } = new double[channels];

    /// <summary>Sum of x(i) x(j), [channels, channels] row by row; empty where it is not wanted.</summary>
    public double[] Products
    {
        get
        {
            AddWaiting();
            return _products;
        }
    }

    /// <summary>Adds what a layer reads.</summary>
    public void Add(Tensor x, int axis)
    {
        var rows = x.Transpose(axis, x.Shape.Rank - 1).Contiguous().Reshape(-1, channels).AsReadOnlySpan<float>();
        for (var row = rows; row.Length > 0; row = row[channels..])
            for (var channel = 0; channel < channels; channel++)
            {
                var value = row[channel];
                Sums[channel] += value;
                Magnitudes[channel] += Math.Abs(value);
                Squares[channel] += (double)value * value;
            }
        Count += rows.Length / channels;
        for (; withProducts && rows.Length > 0; rows = rows[Math.Min(rows.Length, RowsAtOnce * channels)..])
        {
            _waiting.AddRange(rows[..Math.Min(rows.Length, RowsAtOnce * channels)]);
            if (_waiting.Count >= RowsAtOnce * channels)
                AddWaiting();
        }
    }

    private void AddWaiting()
    {
        if (_waiting.Count == 0)
            return;
        using var scope = new TensorScope();
        var rows = Tensor.From<float>(CollectionsMarshal.AsSpan(_waiting), [_waiting.Count / channels, channels]);
        var products = rows.Transpose(0, 1).MatMul(rows).AsReadOnlySpan<float>();
        for (var i = 0; i < products.Length; i++)
            _products[i] += products[i];
        _waiting.Clear();
    }
}
