using Coppice.Modules;

namespace Coppice.Pruning.Selection;

/// <summary>A weight of a live model that is in scope.</summary>
/// <param name="Module">The module that holds it.</param>
/// <param name="Name">Its name there, such as <c>weight</c>.</param>
/// <param name="Parameter">The parameter.</param>
/// <param name="FullName">Its name in the model, without what a mask adds to it.</param>
public sealed record LiveWeight(Module Module, string Name, Parameter Parameter, string FullName)
{
    /// <summary>The axis of the outputs: 1 for a <see cref="Conv1D"/>, stored [in, out], 0 for all others.</summary>
    public int OutputAxis => Module is Conv1D ? 1 : 0;

    /// <summary>Number of outputs: rows of a matrix, filters of a convolution.</summary>
    public int Outputs => Parameter.Shape[OutputAxis];

    /// <summary>Entries, masked or not.</summary>
    public long Count => Parameter.Data.Count;

    /// <summary>Selects weights of a model: by default those of convolutions and linear layers, without embeddings, norms and
    /// heads.</summary>
    /// <param name="model">The model.</param>
    /// <param name="facts">What its config.json says; nothing by default.</param>
    /// <param name="include">If any, exactly the parameters they match: <c>["*conv*.weight", "*linear.weight"]</c>.</param>
    /// <param name="exclude">Taken from the scope again.</param>
    /// <returns>In the model's order, tied ones once; at least one.</returns>
    /// <exception cref="PruningException">A glob matches nothing, or nothing is in scope.</exception>
    public static IReadOnlyList<LiveWeight> Select(
        Module model, ModelFacts? facts = null, IReadOnlyList<string>? include = null, IReadOnlyList<string>? exclude = null)
    {
        var selection = WeightSelector.Select(model, facts ?? ModelFacts.None, include, exclude);
        return selection.Weights.Count > 0
            ? [.. selection.Weights.Select(weight => Of(model, weight.Name))]
            : throw new PruningException($"{model.GetType().Name} has no weight in the default scope; name weights, such as "
                + string.Join(" or ", selection.Excluded.Take(3).Select(tensor => $"'{tensor.Name}' ({tensor.Reason})")) + ".");
    }

    private static LiveWeight Of(Module model, string fullName)
    {
        var dot = fullName.LastIndexOf('.');
        var (module, name) = (model.Find(fullName[..Math.Max(dot, 0)]), fullName[(dot + 1)..]);
        return new(module, name, module.Parameter(name), fullName);
    }
}
