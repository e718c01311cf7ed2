using Coppice.Checkpoints;
using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Pruning.Selection;

/// <summary>Selects the weights that are in scope: by the rules of the model's family, or by globs over full parameter names.</summary>
public static class WeightSelector
{
    /// <summary>Selects weights.</summary>
    /// <param name="tensors">All tensors of a checkpoint.</param>
    /// <param name="facts">What config.json says.</param>
    /// <param name="include">If any, exactly the floating-point tensors they match are in scope; else the default scope is.</param>
    /// <param name="exclude">Taken from the scope again.</param>
    /// <exception cref="PruningException">A glob matches no tensor, or none that can be pruned.</exception>
    public static WeightSelection Select(
        IReadOnlyList<TensorSource> tensors, ModelFacts facts, IReadOnlyList<string>? include = null, IReadOnlyList<string>? exclude = null)
    {
        var rules = new ScopeRules(facts, tensors);
        var ties = TiedWeights.Group(tensors, facts, rules.Family);
        CheckGlobs([.. include ?? [], .. exclude ?? []], ties);
        var weights = new List<SelectedWeight>();
        var excluded = new List<ExcludedTensor>();
        foreach (var tied in ties)
        {
            var reason = WhyOut(tied, rules, include ?? [], exclude ?? []);
            if (reason is null)
                weights.Add(ToWeight(tied, rules.Family, facts));
            else
                excluded.AddRange(tied.Tensors.Select(tensor => new ExcludedTensor(tensor.Name, reason)));
        }
        CheckPrunable(include ?? [], ties);
        var parameters = ties.Where(tied => IsParameter(tied.Tensors[0])).Sum(tied => tied.Tensors[0].Count);
        return new WeightSelection(tensors, weights, excluded, parameters, [.. TiedWeights.Warnings(weights, rules.Family)]);
    }

    /// <summary>The same for a live model, whose parameters are looked at under the names they have without masks.</summary>
    /// <inheritdoc cref="Select(IReadOnlyList{TensorSource}, ModelFacts, IReadOnlyList{string}?, IReadOnlyList{string}?)"/>
    public static WeightSelection Select(
        Module model, ModelFacts facts, IReadOnlyList<string>? include = null, IReadOnlyList<string>? exclude = null) =>
        Select([.. from module in model.NamedModules()
                   from parameter in module.Module.Parameters
                   select TensorSource.From(Module.Join(module.Name, parameter.Key), parameter.Value.Data)], facts, include, exclude);

    /// <summary>Whether a tensor counts as a parameter of the model: floating-point, and no buffer such as a running mean.</summary>
    public static bool IsParameter(TensorSource tensor) => tensor.DType.IsFloatingPoint() && !ScopeRules.IsBuffer(tensor);

    private static string? WhyOut(TiedTensors tied, ScopeRules rules, IReadOnlyList<string> include, IReadOnlyList<string> exclude)
    {
        if (include.Count > 0 && !tied.Matches(include))
            return "no --include glob matches it";
        if (tied.Matches(exclude))
            return "an --exclude glob matches it";
        if (include.Count == 0)
            return tied.Tensors.Select(rules.WhyOut).FirstOrDefault(reason => reason is not null);
        return tied.Tensors[0].DType.IsFloatingPoint() ? null : $"not floating-point ({tied.Tensors[0].DType})";
    }

    private static SelectedWeight ToWeight(TiedTensors tied, ModelFamily? family, ModelFacts facts)
    {
        var names = tied.Tensors.Select(tensor => tensor.Name).Skip(1).Concat(tied.AbsentNames);
        var name = tied.Tensors[0].Name;
        var inputMajor = facts.Roles?.GetValueOrDefault(name)?.InputMajor
            ?? family is { InputMajor: true } && tied.Tensors[0].Shape.Rank == 2 && family.IsInBlock(name);
        return new SelectedWeight(tied.Tensors, [.. names], inputMajor);
    }

    private static void CheckGlobs(IEnumerable<string> globs, List<TiedTensors> ties)
    {
        foreach (var glob in globs)
            if (!ties.Any(tied => tied.Matches([glob])))
                throw new PruningException($"'{glob}' matches none of the {ties.Sum(tied => tied.Tensors.Count)} tensors. "
                    + $"The nearest names are {NameGlob.Nearest(glob, ties.SelectMany(tied => tied.Names))}.");
    }

    private static void CheckPrunable(IEnumerable<string> include, List<TiedTensors> ties)
    {
        foreach (var glob in include)
            if (!ties.Any(tied => tied.Matches([glob]) && tied.Tensors[0].DType.IsFloatingPoint()))
                throw new PruningException($"'{glob}' matches only tensors that are not floating-point, such as '"
                    + ties.First(tied => tied.Matches([glob])).Tensors[0].Name + "'; name weights.");
    }
}
