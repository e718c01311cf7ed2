using Coppice.Checkpoints;
using Coppice.Models;
using Coppice.Modules;
using Coppice.Pruning;
using Coppice.Pruning.Selection;

namespace Coppice.Evaluation.Sensitivity;

/// <summary>Groups the weights of a model's default scope.</summary>
public sealed class WeightGroups
{
    private readonly IBlockModel _model;
    private readonly IReadOnlyList<(string Name, Parameter Weight)> _scope;
    private readonly WeightSelection _selection;

    private WeightGroups(IBlockModel model, WeightSelection selection, IReadOnlyList<(string Name, Parameter Weight)> scope) =>
        (_model, _selection, _scope) = (model, selection, scope);

    /// <summary>The weights in the default scope of an opened model.</summary>
    /// <exception cref="NotSupportedException">The model does not run block by block.</exception>
    /// <exception cref="PruningException">No weight is in scope.</exception>
    public static WeightGroups Of(PretrainedModel model)
    {
        var blocks = model.Module as IBlockModel
            ?? throw new NotSupportedException(
                $"{model.Folder} holds a {model.ModelType} model, which does not run block by block; give a GPT-2 or BERT.");
        using var checkpoint = Checkpoint.Open(model.Folder);
        var selection = WeightSelector.Select(checkpoint.Tensors, ModelFacts.Of(checkpoint));
        if (selection.Weights.Count == 0)
            throw new PruningException($"No weight of {model.Folder} is in scope; "
                + "'coppice inspect' lists them with the reasons for leaving them out.");
        var parameters = model.Module.NamedParameters().ToDictionary(entry => entry.Name, entry => entry.Parameter);
        var prefix = ModelRegistry.Find(model.ModelType)!.BasePrefix;
        return new(blocks, selection, [.. selection.Weights.Select(weight => (weight.Name, Find(weight.Name)))]);

        // Checkpoints of a bare model leave the prefix out.
        Parameter Find(string name) => parameters.TryGetValue(name, out var parameter) ? parameter : parameters[prefix + name];
    }

    /// <summary>Each weight by itself.</summary>
    public IReadOnlyList<WeightGroup> ByWeight() =>
        [.. _scope.Select(entry => new WeightGroup(entry.Name, new Dictionary<string, Parameter> { [entry.Name] = entry.Weight }))];

    /// <summary>The weights of each block together.</summary>
    public IReadOnlyList<WeightGroup> ByBlock()
    {
        var prefixes = new Dictionary<Parameter, string>();
        var nameOf = _scope.ToDictionary(entry => entry.Weight, entry => entry.Name);
        foreach (var block in _model.Blocks)
            foreach (var (name, parameter) in block.NamedParameters())
                if (nameOf.TryGetValue(parameter, out var full))
                    prefixes[parameter] = full[..^name.Length];
        return [.. _scope.GroupBy(entry => prefixes.GetValueOrDefault(entry.Weight, entry.Name))
            .Select(group => new WeightGroup(
                group.Key.EndsWith('.') ? group.Key + "*" : group.Key, group.ToDictionary(entry => entry.Name, entry => entry.Weight)))];
    }

    /// <summary>One group for each glob over full parameter names (<c>*</c> crosses dots); what no glob matches is left out.</summary>
    /// <exception cref="PruningException">A glob matches no weight in scope.</exception>
    public IReadOnlyList<WeightGroup> ByGlobs(IReadOnlyList<string> globs) =>
        [.. globs.Select(glob => new WeightGroup(glob, Matching(glob)))];

    private Dictionary<string, Parameter> Matching(string glob)
    {
        var matching = _scope.Where(entry => NameGlob.Matches(glob, entry.Name)).ToDictionary(entry => entry.Name, entry => entry.Weight);
        if (matching.Count > 0)
            return matching;
        var outside = _selection.Excluded.FirstOrDefault(excluded => NameGlob.Matches(glob, excluded.Name));
        throw new PruningException(outside is not null
            ? $"'{glob}' matches no weight in scope; '{outside.Name}' is left out: {outside.Reason}."
            : $"'{glob}' matches no weight. The nearest names are {NameGlob.Nearest(glob, _scope.Select(entry => entry.Name))}.");
    }
}
