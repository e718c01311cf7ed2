using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Pruning.Masks;

/// <summary>A parameter that is about to be pruned: checked, with the scores to rank and the mask so far (ones at first).</summary>
internal sealed record PruneTarget(Module Module, string Name, Parameter Parameter, Tensor Scores, Tensor Mask, string Label)
{
    public static PruneTarget Of(Module module, string name, Tensor? scores)
    {
        var parameter = module.Parameter(name);
        var label = $"'{name}' of {module.GetType().Name}";
        var mask = parameter.Mask ?? Tensor.Full(parameter.Shape, 1);
        return new(module, name, parameter, CheckedScores(parameter, scores, label), mask, label);
    }

    /// <summary>Several parameters, tied ones once, under the first name given, with the scores of the first that has some.</summary>
    public static List<PruneTarget> Of(
        IEnumerable<(Module Module, string Name)> parameters, IReadOnlyDictionary<(Module Module, string Name), Tensor>? scores = null)
    {
        var all = parameters.Select(entry => Of(entry.Module, entry.Name, scores?.GetValueOrDefault(entry))).ToList();
        foreach (var (module, name) in scores?.Keys ?? [])
            if (!all.Exists(target => target.Module == module && target.Name == name))
                throw new ArgumentException(
                    $"Importance scores for '{name}' of {module.GetType().Name}, which is not among the parameters.", nameof(scores));
        return [.. all.GroupBy(target => target.Parameter, (_, tied) => tied.ToList()).Select(tied => tied[0] with
        {
            Scores = (tied.Find(target => scores?.ContainsKey((target.Module, target.Name)) is true) ?? tied[0]).Scores,
        })];
    }

    /// <summary>The given scores, or the values as modules see them.</summary>
    public static Tensor CheckedScores(Parameter parameter, Tensor? scores, string label)
    {
        if (parameter.Data.DType != DType.F32)
            throw new ArgumentException(
                $"{label} is {parameter.Data.DType}; live modules are pruned in F32: load it so.", nameof(parameter));
        if (scores is not null && (scores.Shape != parameter.Shape || scores.DType != DType.F32))
            throw new ArgumentException(
                $"Importance scores of {scores} do not fit {label}, {parameter.Data}: give one F32 score per entry.", nameof(scores));
        return scores?.Contiguous() ?? parameter.Value;
    }

    /// <summary>
    /// Puts a mask in force. The first one moves the parameter to the end of its module, where torch registers <c>weight_orig</c>.
    /// </summary>
    public void Commit(Tensor mask, PruneSemantics semantics)
    {
        var isFirst = Parameter.Mask is null;
        Parameter.SetMask(mask, semantics == PruneSemantics.Torch);
        if (isFirst)
            Module.MoveToEnd(Name);
    }
}
