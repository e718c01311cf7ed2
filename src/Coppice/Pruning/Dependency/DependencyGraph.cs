using Coppice.Graphs;

namespace Coppice.Pruning.Dependency;

/// <summary>What of a model must shrink together, found from the graph of its computation.</summary>
/// <remarks>
/// Every axis of every value has a term; the rule of each op equates terms (<see cref="CouplingRules"/>), and unification does the rest
/// (<see cref="AxisAlgebra"/>). The leaves that stay free are the groups. The idea of a dependency graph is that of DepGraph (Fang et al.
/// 2023); the algebra replaces its patterns.
/// </remarks>
public sealed class DependencyGraph
{
    /// <summary>Why a unit is pinned that could go if others stayed.</summary>
    internal const string OneStays = "one index of an axis must stay, and it has few";

    private readonly Dictionary<Value, Term[]> _terms = [];
    private readonly Dictionary<Node, Coupling> _couplings = [];

    private DependencyGraph(Graph graph) => Graph = graph;

    /// <summary>The computation.</summary>
    public Graph Graph { get; }

    /// <summary>What can be pruned: independent of each other, in the order in which the graph meets them.</summary>
    public IReadOnlyList<PruningGroup> Groups { get; private set; } = [];

    /// <summary>Axes of parameters of which no index can be removed, with the reason.</summary>
    public IReadOnlyList<PinnedAxis> Pinned { get; private set; } = [];

    /// <summary>Analyses a graph.</summary>
    public static DependencyGraph Of(Graph graph) => Of(graph, [], [], _ => false);

    /// <summary>The same with what is known from outside of the graph.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="pins">Axes that can't shrink.</param>
    /// <param name="ties">Axes that shrink together.</param>
    /// <param name="takesApart">Nodes that take entries by constant numbers, each of which may go by itself.</param>
    internal static DependencyGraph Of(Graph graph, IEnumerable<(Value Value, int Axis, string Reason)> pins, IEnumerable<AxisTie> ties,
        Predicate<Node> takesApart)
    {
        var dependencies = new DependencyGraph(graph);
        dependencies.StateEquations(pins.ToLookup(pin => pin.Value, pin => (pin.Axis, pin.Reason)), takesApart);
        foreach (var tie in ties)
            AxisAlgebra.Equate(dependencies._terms[tie.Left][tie.LeftAxis], dependencies._terms[tie.Right][tie.RightAxis], tie.Why);
        dependencies.CollectGroups();
        return dependencies;
    }

    /// <summary>Terms of a value's axes, resolved.</summary>
    internal Term[] TermsOf(Value value) => [.. _terms[value].Select(term => term.Resolve())];

    /// <summary>What the rule of a node said.</summary>
    internal Coupling CouplingOf(Node node) => _couplings[node];

    private void StateEquations(ILookup<Value, (int Axis, string Reason)> pins, Predicate<Node> takesApart)
    {
        foreach (var value in Graph.Values)
            if (value is not NodeValue)
                Add(value, [.. value.SampleShape.Select(size => Leaf(value, size))]);
        foreach (var node in Graph.Nodes)
        {
            var coupling = _couplings[node] = new Coupling(node, [.. node.Inputs.Select(TermsOf)]) { TakesApart = takesApart(node) };
            CouplingRules.Apply(coupling);
            for (var i = 0; i < node.Outputs.Count; i++)
                Add(node.Outputs[i], coupling.Outputs[i]);
        }
        foreach (var output in Graph.Outputs)
            foreach (var term in _terms[output.Value])
                AxisAlgebra.Pin(term, $"output '{output.Name}' of the model");

        void Add(Value value, Term[] terms)
        {
            _terms[value] = terms;
            foreach (var (axis, reason) in pins[value])
                AxisAlgebra.Pin(terms[axis], reason);
        }
    }

    private static Dim Leaf(Value value, int size) => value switch
    {
        InputValue => AxisAlgebra.Pinned(size, $"input '{value.Name}' of the model"),
        ConstantValue => AxisAlgebra.Pinned(size, "a constant of the model"),
        _ => new(size),
    };

    private void CollectGroups()
    {
        KeepOneOfEach();
        var members = new OrderedDictionary<Dim, List<GroupMember>>();
        var pinned = new List<PinnedAxis>();
        var readers = Graph.Nodes.SelectMany(node => node.Inputs.Distinct(), (node, input) => (node, input))
            .ToLookup(entry => entry.input, entry => entry.node);
        foreach (var value in Graph.Values)
            if (value is ParameterValue or BufferValue)
                foreach (var (axis, term) in TermsOf(value).Index())
                    Collect(new(value, axis, term, [.. readers[value]]), members, pinned);
        var kinds = new GroupKinds(Graph, TermsOf);
        Groups = [.. members.Select((entry, number) => new PruningGroup(number, kinds.Of(LeavesOf(entry.Key)[0]), LeavesOf(entry.Key),
            entry.Value))];
        Pinned = pinned;
    }

    /// <summary>Pins units until none of the axes can lose all of its indices: the one first that most axes have.</summary>
    private void KeepOneOfEach()
    {
        var axes = _terms.Values.SelectMany(terms => terms.Select(term => term.Resolve())).Where(CanVanish).ToList();
        while (axes.Count > 0)
        {
            var units = axes.SelectMany(axis => axis.Leaves().Where(CanVanish).Distinct());
            units.CountBy(unit => unit).MaxBy(count => count.Value).Key.Pinned = OneStays;
            axes.RemoveAll(axis => !CanVanish(axis));
        }
    }

    /// <summary>Whether nothing is left of a resolved term without units that can go.</summary>
    private static bool CanVanish(Term term) => term switch
    {
        Product product => product.Factors.Any(CanVanish),
        Sum sum => sum.Parts.All(CanVanish),
        _ => term is Dim { Whole: not null, Pinned: null },
    };

    /// <summary>What a group is made of: a leaf, or the units of one that may go.</summary>
    private static IReadOnlyList<Dim> LeavesOf(Dim whole) =>
        whole.Units.Count == 0 ? [whole] : [.. whole.Units.Where(unit => unit is { Binding: null, Pinned: null })];

    private static void Collect(GroupMember member, OrderedDictionary<Dim, List<GroupMember>> members, List<PinnedAxis> pinned)
    {
        var leaves = member.Term.Leaves().Distinct().ToList();
        var free = leaves.Where(leaf => leaf.Pinned is null && (leaf.Size > 1 || leaf.Whole is not null)).Select(leaf => leaf.Whole ?? leaf)
            .Where(whole => whole.Units.Count == 0 || LeavesOf(whole).Count > 1).Distinct().ToList();
        foreach (var leaf in free)
        {
            if (!members.TryGetValue(leaf, out var list))
                members.Add(leaf, list = []);
            list.Add(member);
        }
        if (free.Count == 0)
            pinned.Add(new(member.Value.Name, member.Axis, member.Term.Size,
                leaves.Where(leaf => leaf.Pinned is not null).MaxBy(leaf => leaf.Size)?.Pinned
                ?? (member.Term.Size > 1 ? "the model takes its indices one by one" : "an axis of one index")));
    }
}

/// <summary>Axes that shrink together though no op says so.</summary>
/// <param name="Left">One value.</param>
/// <param name="LeftAxis">Its axis.</param>
/// <param name="Right">Another.</param>
/// <param name="RightAxis">Its axis, as long.</param>
/// <param name="Why">What says so.</param>
internal sealed record AxisTie(Value Left, int LeftAxis, Value Right, int RightAxis, string Why);

/// <summary>An axis that can't be pruned.</summary>
/// <param name="Tensor">Name of the parameter or buffer.</param>
/// <param name="Axis">The axis.</param>
/// <param name="Size">Its size.</param>
/// <param name="Reason">The op and equation that forbid it.</param>
public sealed record PinnedAxis(string Tensor, int Axis, int Size, string Reason);
