using Coppice.Graphs;
using Coppice.Pruning.Dependency;
using Coppice.Tensors;

namespace Coppice.Pruning.Compensation;

/// <summary>How what removed channels gave to their consumers is made up for.</summary>
public enum CompensationMethod
{
    /// <summary>Their mean goes into the consumer's bias.</summary>
    Bias,

    /// <summary>They are expressed by the channels that stay, and the mean of the rest goes into the bias.</summary>
    LeastSquares,
}

/// <summary>Changes the weights of linear layers and convolutions that lose input channels so that their outputs stay as near as they can to
/// those of before, without training.</summary>
/// <remarks>
/// With x the inputs on calibration data, K the channels that stay and R those that go, A minimises
/// <c>|x(R) - A x(K) - a|^2 + ridge |A|^2</c>, the ridge being a share of the mean square of x(K), and the weight on K gets
/// <c>W(R) A</c> more, the bias <c>W(R) a</c>: for linear layers the least-squares solution, for convolutions the one that is the same at
/// each pixel (at borders a is added where zeros were padded too). Where the consumer has no bias, a vector that is added to its output or the
/// mean of a batch normalisation behind it takes its part; else it may get a bias, or a is 0. Gathered before surgery, carried out after it.
/// </remarks>
public sealed class InputCompensation
{
    // Products of channels that are kept at a time; what takes more than that alone is 16,384 channels wide.
    private const long MostProducts = 1L << 28;

    private readonly List<Change> _changes = [];

    private InputCompensation()
    {
    }

    /// <summary>Weights that change, by name.</summary>
    public IReadOnlyList<string> Weights => [.. _changes.Select(change => change.Weight)];

    /// <summary>Weights of layers that read too many channels for least squares, by name: of what goes they get the mean.</summary>
    public IReadOnlyList<string> TooWide { get; private init; } = [];

    /// <summary>Weights of layers that lose inputs and are left alone, by name: several layers read them.</summary>
    public IReadOnlyList<string> Shared { get; private init; } = [];

    /// <summary>Biases that layers were given for it.</summary>
    internal IReadOnlyList<AddedBias> AddedBiases => [.. _changes.Where(change => change.NewBias is not null)
        .Select(change => new AddedBias(change.Weight, change.Constants!.Length, change.NewBias!))];

    /// <summary>Looks at what consumers read, before the removal is carried out.</summary>
    /// <param name="dependencies">What depends on what.</param>
    /// <param name="removal">What will go.</param>
    /// <param name="inputs">Sets of the graph's inputs to calibrate on, at least one.</param>
    /// <param name="method">How.</param>
    /// <param name="ridge">Of least squares: a share of the mean square of the inputs, positive.</param>
    /// <param name="addsBiases">Whether layers that have no place for a constant are to get a bias, as those of ONNX files can.</param>
    /// <exception cref="PruningException">There are no inputs, or they leave a problem without one solution.</exception>
    public static InputCompensation Of(DependencyGraph dependencies, Removal removal, IReadOnlyList<IReadOnlyList<Tensor>> inputs,
        CompensationMethod method, double ridge = 1e-3, bool addsBiases = false) =>
        Within(MostProducts, dependencies, removal, inputs, method, ridge, addsBiases);

    /// <summary>The same with so many products of channels in memory at a time; layers are looked at in as many runs as that takes.</summary>
    internal static InputCompensation Within(long mostProducts, DependencyGraph dependencies, Removal removal,
        IReadOnlyList<IReadOnlyList<Tensor>> inputs, CompensationMethod method, double ridge, bool addsBiases)
    {
        var graph = dependencies.Graph;
        var (consumers, shared) = ConsumersOf(graph, removal);
        var isSolved = method == CompensationMethod.LeastSquares;
        HashSet<Node> solved = [.. consumers.Keys.Where(node => isSolved && ProductsOf(consumers[node]) <= mostProducts)];
        var compensation = new InputCompensation
        {
            Shared = shared,
            TooWide = [.. consumers.Where(entry => isSolved && !solved.Contains(entry.Key)).Select(entry => entry.Value.Weight.Name)],
        };
        foreach (var part in Parts(consumers, solved, mostProducts))
        {
            var moments = ActivationMoments.Gather(graph, inputs, part, solved);
            foreach (var node in part)
            {
                var (consumer, hasPlace) = (consumers[node], ConstantPlace.Of(node, graph) is not null);
                var fits = Fits(consumer, removal.KeptOf(node.Inputs[0], consumer.InputAxis)!, moments.Of(node), hasPlace || addsBiases,
                    solved.Contains(node) ? ridge : null);
                compensation.Add(consumer, fits, removal, hasPlace, addsBiases);
            }
        }
        return compensation;
    }

    /// <summary>One for each group of a grouped convolution; null where it loses all its inputs, and so its outputs too.</summary>
    private static ChannelFit?[] Fits(
        Consumer consumer, int[] kept, IReadOnlyList<ChannelMoments> moments, bool hasConstant, double? ridge)
    {
        var byGroup = kept.ToLookup(channel => channel / consumer.Channels, channel => channel % consumer.Channels);
        return [.. moments.Select((part, group) => byGroup.Contains(group) ? new ChannelFit(part, [.. byGroup[group]], hasConstant, ridge) : null)];
    }

    /// <summary>Layers that lose inputs, but for those of tied weights, which have more to do and are told by name.</summary>
    private static (OrderedDictionary<Node, Consumer> Own, IReadOnlyList<string> Shared) ConsumersOf(Graph graph, Removal removal)
    {
        var readers = graph.Nodes.SelectMany(node => node.Inputs).CountBy(value => value).ToDictionary();
        var consumers = (from node in graph.Nodes
                         let consumer = Consumer.Of(node)
                         where consumer is not null && removal.KeptOf(node.Inputs[0], consumer.InputAxis) is not null
                         select KeyValuePair.Create(node, consumer)).ToLookup(entry => IsOwn(entry.Value));
        return (new(consumers[true]), [.. consumers[false].Select(entry => entry.Value.Weight.Name).Distinct()]);

        bool IsOwn(Consumer consumer) => readers[consumer.Read] == 1 && consumer.Moves.All(move => readers[move.Inputs[0]] == 1);
    }

    private static long ProductsOf(Consumer consumer) => (long)consumer.Groups * consumer.Channels * consumer.Channels;

    /// <summary>The layers, in parts whose products fit into memory together.</summary>
    private static IEnumerable<HashSet<Node>> Parts(OrderedDictionary<Node, Consumer> consumers, HashSet<Node> solved, long mostProducts)
    {
        var (part, products) = (new HashSet<Node>(), 0L);
        foreach (var (node, consumer) in consumers)
        {
            var own = solved.Contains(node) ? ProductsOf(consumer) : 0;
            if (products + own > mostProducts)
            {
                yield return part;
                (part, products) = ([], 0);
            }
            part.Add(node);
            products += own;
        }
        yield return part;
    }

    /// <summary>Changes the weights, once the removal was carried out.</summary>
    /// <param name="smaller">The graph of the smaller model.</param>
    public void Apply(Graph smaller)
    {
        var nodes = new Dictionary<string, Node>();
        foreach (var node in smaller.Nodes)
            if (Consumer.Of(node) is { } consumer)
                nodes.TryAdd(consumer.Weight.Name, node);
        foreach (var change in _changes)
        {
            var place = change.Constants is null ? null : PlaceOf(change, nodes[change.Weight], smaller);
            Consumer.Of(nodes[change.Weight])!.Weight.Parameter.Data.CopyFrom(change.Values);
            place?.Add(change.Constants!);
        }
    }

    /// <summary>Makes the places that are missing; layers that can't have one stay as they are.</summary>
    /// <param name="add">Gives the layer that reads a weight a bias of so many zeros and returns its name; null where that can't be.</param>
    internal void AddBiases(Func<string, int, string?> add)
    {
        foreach (var change in _changes.Where(change => change.NeedsBias).ToList())
            if (add(change.Weight, change.Constants!.Length) is { } bias)
                change.NewBias = bias;
            else
                _changes.Remove(change);
    }

    private static ConstantPlace PlaceOf(Change change, Node node, Graph smaller) => !change.NeedsBias ? ConstantPlace.Of(node, smaller)!
        : new(smaller.Values.OfType<ParameterValue>().FirstOrDefault(value => value.Name == change.NewBias)
            ?? throw new InvalidOperationException($"The layer of '{change.Weight}' needs a bias, which OnnxPruning.Save gives it; leave addsBiases "
                + "out for other models."), 1);

    private void Add(Consumer consumer, ChannelFit?[] fits, Removal removal, bool hasPlace, bool addsBiases)
    {
        if (!hasPlace && !addsBiases && !Array.Exists(fits, fit => fit is { HasMixing: true }))
            return;
        var weight = consumer.Weight;
        var (values, constants) = Folded(consumer, fits);
        var left = removal.KeptOf(consumer.Read, consumer.OutputAxis) is { } outputs
            ? [.. outputs.Select(output => constants[output])] : constants;
        _changes.Add(new(weight.Name, removal.Cut(weight, consumer.Unmoved(Tensor.From<float>(values, consumer.Read.SampleShape))),
            hasPlace || addsBiases ? left : null, !hasPlace && addsBiases));
    }

    /// <summary>What the layer shall read and add to its outputs; groups follow one another.</summary>
    private static (float[] Values, double[] Constants) Folded(Consumer consumer, ChannelFit?[] fits)
    {
        var whole = consumer.Moved(consumer.Weight.Tensor);
        var outputs = whole.Shape[consumer.OutputAxis] / fits.Length;
        var parts = fits.Select((fit, group) =>
        {
            var part = whole.Narrow(consumer.OutputAxis, group * outputs, outputs);
            return fit?.Fold(part, consumer.WeightAxis, consumer.OutputAxis) ?? (part.ToArray<float>(), new double[outputs]);
        }).ToList();
        return ([.. parts.SelectMany(part => part.Weight)], [.. parts.SelectMany(part => part.Constants)]);
    }

    /// <param name="Weight">Name of the weight.</param>
    /// <param name="Values">What it becomes.</param>
    /// <param name="Constants">What is added to each output that is left; null where there is no place.</param>
    /// <param name="NeedsBias">Whether the place has to be made.</param>
    private sealed record Change(string Weight, Tensor Values, double[]? Constants, bool NeedsBias)
    {
        /// <summary>Name of the place that was made.</summary>
        public string? NewBias { get; set; }
    }
}
