using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Pruning.Masks;

/// <summary>Prunes parameters of live modules by masks, with the functions of <c>torch.nn.utils.prune</c>.</summary>
/// <remarks>
/// The stored values stay (<c>weight_orig</c> beside <c>weight_mask</c> in the state dictionary) until <see cref="Remove"/>. A repeat acts
/// on what remains. Tied weights are one parameter: pruned through any of its modules they are pruned in all and stay tied, where torch
/// would untie them. An integer amount is a count, any other number a fraction in [0, 1]; a fraction of n is rounded to the nearest
/// integer, halves to even. Each function throws <see cref="ArgumentException"/> for a name, axis or shape that does not fit and <see
/// cref="PruningException"/> for an amount or NaN that can't be, and then changes nothing.
/// </remarks>
public static partial class Prune
{
    /// <summary>Puts a mask of ones in force.</summary>
    public static void Identity(Module module, string name, PruneSemantics semantics = PruneSemantics.Strict) =>
        new Identity { Semantics = semantics }.Apply(module, name);

    /// <summary>Prunes the entries of smallest magnitude.</summary>
    /// <inheritdoc cref="BasePruningMethod.Apply"/>
    public static void L1Unstructured(
        Module module, string name, PruneAmount amount,
        Tensor? importanceScores = null, PruneSemantics semantics = PruneSemantics.Strict) =>
        new L1Unstructured(amount) { Semantics = semantics }.Apply(module, name, importanceScores);

    /// <summary>Prunes entries at random.</summary>
    public static void RandomUnstructured(
        Module module, string name, PruneAmount amount, RandomSource random, PruneSemantics semantics = PruneSemantics.Strict) =>
        new RandomUnstructured(amount, random) { Semantics = semantics }.Apply(module, name);

    /// <summary>Prunes the channels along <paramref name="dim"/> of smallest L_n norm.</summary>
    public static void LnStructured(Module module, string name, PruneAmount amount, double n, int dim,
        Tensor? importanceScores = null, PruneSemantics semantics = PruneSemantics.Strict) =>
        new LnStructured(amount, n, dim) { Semantics = semantics }.Apply(module, name, importanceScores);

    /// <summary>Prunes channels along <paramref name="dim"/> at random.</summary>
    public static void RandomStructured(Module module, string name, PruneAmount amount, RandomSource random, int dim = -1,
        PruneSemantics semantics = PruneSemantics.Strict) =>
        new RandomStructured(amount, random, dim) { Semantics = semantics }.Apply(module, name);

    /// <summary>Prunes where <paramref name="mask"/>, F32 zeros and ones, is 0.</summary>
    public static void CustomFromMask(Module module, string name, Tensor mask, PruneSemantics semantics = PruneSemantics.Strict) =>
        new CustomFromMask(mask) { Semantics = semantics }.Apply(module, name);

    /// <summary>Ranks the remaining entries of several parameters together and prunes by one amount of them all.</summary>
    /// <param name="parameters">Modules and parameter names; a tied parameter named more than once counts once.</param>
    /// <param name="method">Any unstructured method.</param>
    /// <param name="importanceScores">Ranked in place of the values, for some parameters or all.</param>
    /// <exception cref="ArgumentException">
    /// The method is not unstructured, a name is wrong, or scores do not fit; nothing has been changed.
    /// </exception>
    /// <exception cref="PruningException">
    /// NaN under strict semantics, or an amount above what remains; nothing has been changed.
    /// </exception>
    public static void GlobalUnstructured(IEnumerable<(Module Module, string Name)> parameters, BasePruningMethod method,
        IReadOnlyDictionary<(Module Module, string Name), Tensor>? importanceScores = null)
    {
        if (method.PruningType != PruningType.Unstructured)
            throw new ArgumentException(
                $"{method.GetType().Name} is {method.PruningType}; only unstructured methods rank parameters together.", nameof(method));
        using var scope = new TensorScope();
        var targets = PruneTarget.Of(parameters, importanceScores);
        if (method.Semantics == PruneSemantics.Strict)
            foreach (var target in targets)
                BinaryMask.RefuseNaN(target.Scores, target.Mask, target.Label);
        var masks = Flatten(targets, target => target.Mask);
        var pruned = method.Combine(Flatten(targets, target => target.Scores), masks, $"{targets.Count} parameters together");
        var start = 0;
        foreach (var target in targets)
        {
            var length = (int)target.Parameter.Data.Count;
            target.Commit(Tensor.From(pruned.AsReadOnlySpan<float>().Slice(start, length), target.Parameter.Shape), method.Semantics);
            start += length;
        }
    }

    /// <summary>Makes the mask of a parameter permanent: pruned values are stored as zeros, and the mask is gone.</summary>
    /// <exception cref="ArgumentException">There is no such parameter.</exception>
    /// <exception cref="InvalidOperationException">The parameter is not pruned.</exception>
    public static void Remove(Module module, string name)
    {
        var parameter = module.Parameter(name);
        if (parameter.Mask is null)
            throw new InvalidOperationException($"'{name}' of {module.GetType().Name} has no mask to remove: prune it first.");
        parameter.MakeMaskPermanent();
        module.MoveToEnd(name);
    }

    /// <summary>Whether the module, or any below it, has a parameter under a mask.</summary>
    public static bool IsPruned(Module module) => module.NamedParameters().Any(entry => entry.Parameter.Mask is not null);

    private static Tensor Flatten(List<PruneTarget> targets, Func<PruneTarget, Tensor> part)
    {
        var count = targets.Sum(target => target.Parameter.Data.Count);
        if (count > Array.MaxLength)
            throw new ArgumentException(
                $"{targets.Count} parameters hold {count} entries, too many to rank in memory: prune the checkpoint.", nameof(targets));
        var flat = Tensor.Empty([(int)count]);
        var left = flat.AsSpan<float>();
        foreach (var target in targets)
        {
            var values = part(target).AsReadOnlySpan<float>();
            values.CopyTo(left);
            left = left[values.Length..];
        }
        return flat;
    }
}
