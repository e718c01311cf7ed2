using Coppice.Graphs;
using Coppice.Pruning.Dependency;
using Coppice.Tensors;
using Coppice.Tensors.Ops;

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
/// each pixel (at borders a is added where zeros were padded too). Where the consumer has no bias, the mean of a batch normalisation that
/// alone reads it takes its part, or else a is 0. Gathered before surgery, carried out after it.
/// </remarks>
public sealed class InputCompensation
{
    private readonly List<Action> _changes = [];
    private readonly List<string> _weights = [];

    private InputCompensation()
    {
    }

    /// <summary>Weights that change, by name.</summary>
    public IReadOnlyList<string> Weights => _weights;

    /// <summary>Looks at what consumers read, before the removal is carried out.</summary>
    /// <param name="dependencies">What depends on what.</param>
    /// <param name="removal">What will go.</param>
    /// <param name="inputs">Sets of the graph's inputs to calibrate on, at least one.</param>
    /// <param name="method">How.</param>
    /// <param name="ridge">Of least squares: a share of the mean square of the inputs, positive.</param>
    /// <exception cref="PruningException">There are no inputs, or they leave a problem without one solution.</exception>
    public static InputCompensation Of(DependencyGraph dependencies, Removal removal, IEnumerable<IReadOnlyList<Tensor>> inputs,
        CompensationMethod method, double ridge = 1e-3)
    {
        var compensation = new InputCompensation();
        var readers = dependencies.Graph.Nodes.SelectMany(node => node.Inputs.OfType<ParameterValue>()).CountBy(value => value).ToDictionary();
        var nodes = new Dictionary<Node, Consumer>();
        foreach (var node in dependencies.Graph.Nodes)
            if (Consumer.Of(node) is { } consumer && readers[consumer.Weight] == 1 // a tied weight has more to do
                && removal.KeptOf(node.Inputs[0], consumer.InputAxis) is not null)
                nodes.Add(node, consumer);
        var moments = ActivationMoments.Gather(dependencies.Graph, inputs,
            node => method == CompensationMethod.LeastSquares && nodes.ContainsKey(node));
        foreach (var (node, consumer) in nodes)
        {
            var kept = removal.KeptOf(node.Inputs[0], consumer.InputAxis)!;
            var place = ConstantPlace.Of(node, dependencies.Graph);
            var fit = new ChannelFit(moments.Of(node)!, kept, hasConstant: place is not null, method == CompensationMethod.LeastSquares ? ridge : null);
            compensation.Add(consumer, fit, place, removal);
        }
        return compensation;
    }

    /// <summary>Changes the weights, once the removal was carried out.</summary>
    public void Apply() => _changes.ForEach(change => change());

    private void Add(Consumer consumer, ChannelFit fit, ConstantPlace? place, Removal removal)
    {
        if (place is null && !fit.HasMixing)
            return;
        var weight = consumer.Weight;
        var (values, constants) = fit.Fold(weight.Tensor, consumer.WeightAxis, consumer.OutputAxis);
        var after = removal.Cut(weight, Tensor.From<float>(values, weight.SampleShape));
        _weights.Add(weight.Name);
        _changes.Add(() => weight.Parameter.Data.CopyFrom(after));
        if (place is not null)
            _changes.Add(place.Change(constants, removal));
    }
}

/// <summary>Where what is the same at all positions can be added to a layer's output: its own bias, or the mean of the batch normalisation
/// behind it, from which it is taken.</summary>
/// <param name="Value">The bias or mean.</param>
/// <param name="Sign">1 for a bias, -1 for a mean.</param>
internal sealed record ConstantPlace(StoredValue Value, int Sign)
{
    /// <summary>The place of a node; null where there is none.</summary>
    public static ConstantPlace? Of(Node node, Graph graph)
    {
        if (node.Inputs.Count > 2)
            return node.Inputs[2] is ParameterValue bias ? new(bias, 1) : null;
        Node[] readers = [.. graph.Nodes.Where(reader => reader.Inputs.Contains(node.Outputs[0]))];
        return readers is [{ Op: BatchNorm } norm] && norm.Inputs[3] is BufferValue mean && graph.Outputs.All(output => output.Value != node.Outputs[0])
            ? new(mean, -1)
            : null;
    }

    /// <summary>Adds to what is left of it after surgery.</summary>
    /// <param name="constants">One for each entry of before.</param>
    /// <param name="removal">What goes.</param>
    public Action Change(double[] constants, Removal removal)
    {
        var before = Value.Tensor.ToArray<float>();
        var after = removal.Cut(Value, Tensor.From<float>([.. before.Zip(constants, (value, constant) => (float)(value + Sign * constant))],
            Value.SampleShape));
        return () => (Value is ParameterValue parameter ? parameter.Parameter.Data : Value.Tensor).CopyFrom(after);
    }
}
