using System.Text.Json.Serialization;
using Coppice.Graphs;
using Coppice.Modules;

namespace Coppice.Pruning.Dependency;

/// <summary>What indices of a group compete with.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<GroupScope>))]
public enum GroupScope
{
    /// <summary>With those of the same group: every group loses the same share.</summary>
    [JsonStringEnumMemberName("per-tensor")]
    PerGroup,

    /// <summary>With those of all groups.</summary>
    [JsonStringEnumMemberName("global")]
    Global,

    /// <summary>With those of groups that the same ops read in the same places (Fang et al. 2024, Isomorphic Pruning): their scores are of
    /// one scale.</summary>
    [JsonStringEnumMemberName("isomorphic")]
    Isomorphic,
}

/// <summary>A ratio for the groups with a member that a glob matches.</summary>
/// <param name="Glob">Matches full names of parameters; <c>*</c> crosses dots.</param>
/// <param name="Ratio">The ratio, in 0..1.</param>
public sealed record GroupRatio(string Glob, double Ratio);

/// <summary>How much to remove, and from where.</summary>
public sealed record GroupPruning
{
    /// <summary>Kinds that can go without changing what else is computed.</summary>
    internal static readonly IReadOnlyList<GroupKind> UsualKinds = [GroupKind.Neuron, GroupKind.Channel, GroupKind.Head];

    /// <summary>What can be cut, by name.</summary>
    public static IReadOnlyDictionary<string, CutGranularity> Granularities { get; } = Words.Of(WordsJson.Default.CutGranularity);

    /// <summary>The kinds of groups that are cut.</summary>
    /// <exception cref="PruningException">Layers are no groups.</exception>
    public static IReadOnlyList<GroupKind> KindsOf(CutGranularity granularity) => granularity switch
    {
        CutGranularity.All => UsualKinds,
        CutGranularity.Channel => [GroupKind.Channel],
        CutGranularity.Head => [GroupKind.Head],
        CutGranularity.Query => [GroupKind.Query],
        CutGranularity.Neuron => [GroupKind.Neuron],
        CutGranularity.Width => [GroupKind.Width],
        _ => throw new PruningException("Layers are left out as they are, not cut in groups."),
    };

    /// <summary>Share of the indices to remove, in 0..1, of those that the unpruned model had; null where a target says how much.</summary>
    public double? Ratio { get; init; }

    /// <summary>Ratios of some groups, with <see cref="GroupScope.PerGroup"/>; the last that matches counts.</summary>
    public IReadOnlyList<GroupRatio> OwnRatios { get; init; } = [];

    /// <summary>Share of the multiply-accumulates to keep, of what the model has now.</summary>
    public double? TargetMacs { get; init; }

    /// <summary>Share of the parameters to keep, of what the model has now.</summary>
    public double? TargetParameters { get; init; }

    /// <summary>Another cost to stay within, such as measured time.</summary>
    public GroupBudget? Budget { get; init; }

    /// <summary>What indices compete with.</summary>
    public GroupScope Scope { get; init; }

    /// <summary>With <see cref="GroupScope.PerGroup"/>: the groups that one of these globs matches are ranked together, by the first that
    /// does.</summary>
    public IReadOnlyList<string> RankedTogether { get; init; } = [];

    /// <summary>Largest share of a group to remove; never more, where the share is no whole number of indices.</summary>
    public double MaxRatio { get; init; } = 1;

    /// <summary>What sizes become multiples of, where anything is removed; they are rounded up.</summary>
    public int RoundTo { get; init; } = 1;

    /// <summary>Kinds of groups to prune.</summary>
    public IReadOnlyList<GroupKind> Kinds { get; init; } = UsualKinds;

    /// <summary>Globs one of which must match a member's name; empty for all groups.</summary>
    public IReadOnlyList<string> Include { get; init; } = [];

    /// <summary>Globs none of which may match a member's name.</summary>
    public IReadOnlyList<string> Exclude { get; init; } = [];

    /// <summary>Whether groups of one kind and size keep equally many indices, as many as they would keep on average, rounded down: for formats
    /// with one number for all layers, such as config.json.</summary>
    public bool KeepsAlike { get; init; }

    /// <summary>What was cut out of the model before; ratios count from before that.</summary>
    public StructuralPlan? Before { get; init; }

    /// <summary>The same for a model whose format has words for some groups only, and those alike: they are what is pruned unless globs or ratios
    /// of their own say otherwise.</summary>
    /// <param name="scope">Globs of these groups; empty where the format says nothing, and all stays as it is.</param>
    /// <param name="keepsAlike">Whether they have to stay alike.</param>
    public GroupPruning Within(IReadOnlyList<string> scope, bool keepsAlike = true) => this with
    {
        Include = Include.Count > 0 ? Include : scope,
        KeepsAlike = keepsAlike && scope.Count > 0 && this is { Include: [], Exclude: [], OwnRatios: [] },
    };

    /// <summary>Chooses what to remove; each group is scored once.</summary>
    /// <param name="dependencies">What depends on what.</param>
    /// <param name="importance">Scores the indices.</param>
    /// <exception cref="PruningException">A number is out of range, no group is in scope, or a target is out of reach.</exception>
    public Removal Choose(DependencyGraph dependencies, GroupImportance importance)
    {
        Check(dependencies);
        var (groups, sizes) = (new List<ScoredGroup>(), new OriginalSizes(dependencies, Before));
        foreach (var group in dependencies.Groups.Where(IsInScope))
            if (importance.Score(group) is { } scores)
                groups.Add(new(group, scores, sizes.Of(group), MaxRatio, RoundTo));
        if (groups.Count == 0)
            throw new PruningException($"No group is in scope: asked for are those of kind {string.Join(", ", Kinds)}, and the model has {string.Join(", ",
                dependencies.Groups.CountBy(group => group.Kind).Select(count => $"{count.Value} of kind {count.Key}"))}. Ask for a kind that it has (on "
                + "the command line by --granularity), look at the globs, and whether the criterion says anything of them; 'coppice groups' lists them.");
        if (Ratio is { } given)
            RefuseEmpty(groups, given);
        var removal = Ratio is { } ratio ? Remove(dependencies, groups, ratio)
            : Reach(share => Remove(dependencies, groups, share), Budget ?? (TargetMacs is { } macs
                ? ShareOf(dependencies, macs, cost => cost.Macs, "multiply-accumulates")
                : ShareOf(dependencies, TargetParameters!.Value, cost => cost.Parameters, "parameters")));
        return KeepsAlike ? UniformWidths.Level(dependencies, removal, groups, RoundTo) : removal;
    }

    /// <summary>The groups that are pruned where nothing else is asked for: neurons, channels and heads.</summary>
    public static IReadOnlyList<PruningGroup> Usual(DependencyGraph dependencies) =>
        [.. dependencies.Groups.Where(group => UsualKinds.Contains(group.Kind))];

    /// <summary>What a model costs once something is removed.</summary>
    public static ModelCost CostAfter(DependencyGraph dependencies, Removal removal) => ModelCost.Of(dependencies.Graph, removal.ShapeOf);

    /// <summary>Refuses what can't be, whatever the model.</summary>
    /// <exception cref="PruningException">A number is out of range, all would go, or what is asked for contradicts itself.</exception>
    public void Validate()
    {
        foreach (var share in new[] { Ratio, TargetMacs, TargetParameters, MaxRatio }.OfType<double>().Concat(OwnRatios.Select(own => own.Ratio)))
            if (!(share is >= 0 and <= 1))
                throw new PruningException($"{share} is no share; ratios and targets are in 0..1.");
        if (RoundTo < 1)
            throw new PruningException($"Sizes can't be multiples of {RoundTo}; give 1 or more.");
        if (OwnRatios.Count > 0 && (Scope != GroupScope.PerGroup || RankedTogether.Count > 0))
            throw new PruningException("Groups ranked together have no ratios of their own; leave them out, or prune each group by itself.");
        if (RankedTogether.Count > 0 && Scope != GroupScope.PerGroup)
            throw new PruningException("Globs of what is ranked together go with the scope of each group by itself; leave one of them out.");
        if (Ratio == 1 && MaxRatio == 1 && OwnRatios.Count == 0)
            throw new PruningException("A ratio of 1 would leave nothing: one index of each group has to stay. Give a smaller ratio, or a largest ratio "
                + "below 1.");
    }

    private void Check(DependencyGraph dependencies)
    {
        if (dependencies.Groups.Count == 0)
            throw new PruningException("Nothing of the model can be pruned: "
                + string.Join("; ", dependencies.Pinned.Take(3).Select(axis => $"{axis.Tensor}[{axis.Axis}]: {axis.Reason}"))
                + ". 'coppice groups' lists all reasons.");
        Validate();
        if (new object?[] { Ratio, TargetMacs, TargetParameters, Budget }.Count(amount => amount is not null) != 1)
            throw new PruningException("Give one of a ratio, a target of multiply-accumulates, a target of parameters, and a budget.");
        var names = dependencies.Groups.SelectMany(group => group.Members).Select(member => member.Value.Name).Distinct().ToList();
        foreach (var glob in Include.Concat(Exclude).Concat(RankedTogether).Concat(OwnRatios.Select(own => own.Glob)))
            if (!names.Exists(name => NameGlob.Matches(glob, name)))
                throw new PruningException($"'{glob}' matches nothing that can be pruned; near are {NameGlob.Nearest(glob, names)}.");
    }

    private bool IsInScope(PruningGroup group) => Kinds.Contains(group.Kind)
        && (Include.Count == 0 || Include.Any(glob => Matches(glob, group))) && !Exclude.Any(glob => Matches(glob, group));

    private static bool Matches(string glob, PruningGroup group) => group.Members.Any(member => NameGlob.Matches(glob, member.Value.Name));

    private void RefuseEmpty(List<ScoredGroup> groups, double ratio)
    {
        foreach (var ranked in Rankings(groups))
            if (ranked is [var only] ? only.IsEmptyAt(RatioOf(only, ratio)) : ScoredGroup.IsTooMuch(ranked, ratio))
                throw new PruningException($"A ratio of {(ranked is [var one] ? RatioOf(one, ratio) : ratio)} would leave nothing of "
                    + $"{ranked[0].Group}{(ranked.Count > 1 ? $" and {ranked.Count - 1} ranked with it" : "")}: one index has to stay. Give a "
                    + "smaller ratio, or a largest ratio below 1.");
    }

    private Removal Remove(DependencyGraph dependencies, List<ScoredGroup> groups, double ratio)
    {
        var removal = new Removal(dependencies);
        foreach (var ranked in Rankings(groups))
            foreach (var (group, count) in ranked is [var only]
                ? new Dictionary<ScoredGroup, int> { [only] = only.CountAt(RatioOf(only, ratio)) }
                : ScoredGroup.CountTogether(ranked, ratio))
                if (group.Rounded(count) is > 0 and var rounded)
                    removal.Remove(group.Group, group.Lowest(rounded));
        return removal;
    }

    /// <summary>Groups that are ranked together.</summary>
    private IEnumerable<IReadOnlyList<ScoredGroup>> Rankings(List<ScoredGroup> groups) => groups.GroupBy(group => Scope switch
    {
        GroupScope.Global => "",
        GroupScope.Isomorphic => group.Group.Pattern,
        _ => RankedTogether.FirstOrDefault(glob => Matches(glob, group.Group)) ?? $"{group.Group.Number}",
    }, (_, ranked) => ranked.ToList());

    private double RatioOf(ScoredGroup group, double ratio) => OwnRatios.LastOrDefault(own => Matches(own.Glob, group.Group))?.Ratio ?? ratio;

    private static GroupBudget ShareOf(DependencyGraph dependencies, double share, Func<ModelCost, long> costOf, string unit) =>
        new(share * costOf(ModelCost.Of(dependencies.Graph)), unit, removal => costOf(CostAfter(dependencies, removal)));

    /// <summary>The smallest removal whose cost is within a budget.</summary>
    private static Removal Reach(Func<double, Removal> removeAt, GroupBudget budget)
    {
        var (low, high) = (0.0, 1.0);
        var best = removeAt(high);
        if (budget.Cost(best) is var least && !(least <= budget.Limit))
            throw new PruningException($"The target of {Written(budget.Limit)} {budget.Unit} is out of reach: with all removed that may be, "
                + $"{Written(least)} are left. Allow a larger ratio, or more groups.");
        for (var i = 0; i < budget.Halvings; i++)
        {
            var middle = (low + high) / 2;
            var removal = removeAt(middle);
            if (budget.Cost(removal) <= budget.Limit)
                (high, best) = (middle, removal);
            else
                low = middle;
        }
        return best;
    }

    /// <summary>A number of a few digits that is not 0 unless it is 0.</summary>
    private static string Written(double number) => Math.Abs(number) < 0.01 ? $"{number:G2}" : $"{number:#,0.##}";
}
