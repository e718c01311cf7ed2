using Coppice.Modules;
using Coppice.Pruning.Selection;

namespace Coppice.Recipes;

/// <summary>Shares of zeros in a model.</summary>
internal static class ModelSparsity
{
    /// <summary>Among all parameters, and among the weights that the recipe's first pruning stage has in scope; where none prunes, among all
    /// matrices and filters.</summary>
    public static (double All, double InScope) Of(Module module, Recipe recipe, ModelFacts facts)
    {
        var scope = recipe.Stages.Select(stage => stage switch
        {
            PruneStage prune => (prune.Include, prune.Exclude),
            TrainStage { Prune: { } prune } => (prune.Include, prune.Exclude),
            _ => ((IReadOnlyList<string>?, IReadOnlyList<string>?)?)null,
        }).FirstOrDefault(globs => globs is not null);
        var inScope = scope is var (include, exclude)
            ? LiveWeight.Select(module, facts, Present(include, module), Present(exclude, module)).Select(weight => weight.Parameter)
            : module.NamedParameters().Select(entry => entry.Parameter).Where(parameter => parameter.Shape.Rank > 1);
        return (Share(module.NamedParameters().Select(entry => entry.Parameter)), Share(inScope));
    }

    /// <summary>Those that match a weight still; layers may have been left out.</summary>
    private static List<string>? Present(IReadOnlyList<string>? globs, Module module) =>
        globs?.Where(glob => module.ParametersByPlainName().Any(entry => NameGlob.Matches(glob, entry.Name))).ToList();

    private static double Share(IEnumerable<Parameter> parameters)
    {
        var (zeros, count) = (0L, 0L);
        foreach (var parameter in parameters)
        {
            zeros += parameter.Value.AsReadOnlySpan<float>().Count(0f);
            count += parameter.Data.Count;
        }
        return (double)zeros / count;
    }
}
