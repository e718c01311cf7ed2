using Coppice.Checkpoints;

namespace Coppice.Pruning.Selection;

/// <summary>Which weights of a checkpoint are in scope, and why the others are not.</summary>
/// <param name="Tensors">All tensors, in the checkpoint's order.</param>
/// <param name="Weights">Weights in scope, in that order, tied ones once.</param>
/// <param name="Excluded">Tensors out of scope with the rule that left them out.</param>
/// <param name="Parameters">Parameters of the whole model: floating-point elements that are no buffers, tied ones once.</param>
/// <param name="Warnings">What the caller should know.</param>
public sealed record WeightSelection(
    IReadOnlyList<TensorSource> Tensors, IReadOnlyList<SelectedWeight> Weights, IReadOnlyList<ExcludedTensor> Excluded, long Parameters,
    IReadOnlyList<string> Warnings)
{
    /// <summary>Elements in scope, tied ones once.</summary>
    public long Elements => Weights.Sum(weight => weight.Source.Count);

    /// <summary>Share of the model's parameters that is in scope.</summary>
    public double Share => Parameters == 0 ? 0 : (double)Elements / Parameters;
}

/// <summary>A weight in scope.</summary>
/// <param name="Tensors">The tensors that are this weight: one, or all that are tied to it.</param>
/// <param name="Aliases">The weight's other names, those that the checkpoint leaves out included.</param>
/// <param name="InputMajor">Whether it is stored [in, out] (Hugging Face's Conv1D).</param>
public sealed record SelectedWeight(IReadOnlyList<TensorSource> Tensors, IReadOnlyList<string> Aliases, bool InputMajor)
{
    /// <summary>The tensor that is read; the others hold the same values.</summary>
    public TensorSource Source => Tensors[0];

    /// <summary>Its name.</summary>
    public string Name => Source.Name;
}

/// <summary>A tensor out of scope.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Reason">The rule that left it out, in a few words.</param>
public sealed record ExcludedTensor(string Name, string Reason);
