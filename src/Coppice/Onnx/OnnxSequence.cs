using System.Runtime.CompilerServices;
using Coppice.Tensors;

namespace Coppice.Onnx;

/// <summary>Sequences of tensors, and optional values that hold nothing, as ONNX models take and give them.</summary>
/// <remarks>
/// A sequence goes through a model as a tensor without elements that stands for it, so that what passes values on (Identity, If, Loop) need not
/// know it; its tensors stay what they are, and a trace sees where they come from and go. Operators that compute refuse it.
/// </remarks>
public static class OnnxSequence
{
    private static readonly ConditionalWeakTable<Tensor, Tensor[]> Sequences = [];
    private static readonly ConditionalWeakTable<Tensor, object> Nothings = [];

    /// <summary>A tensor that stands for a sequence.</summary>
    public static Tensor Of(params IReadOnlyList<Tensor> tensors)
    {
        var standIn = StandIn();
        Sequences.Add(standIn, [.. tensors]);
        return standIn;
    }

    /// <summary>A tensor that stands for an optional value that holds nothing.</summary>
    public static Tensor Nothing()
    {
        var standIn = StandIn();
        Nothings.Add(standIn, standIn);
        return standIn;
    }

    /// <summary>The tensors of a sequence; null for what is none.</summary>
    public static IReadOnlyList<Tensor>? Find(Tensor value) => Sequences.TryGetValue(value, out var tensors) ? tensors : null;

    /// <summary>Whether it is an optional value that holds nothing.</summary>
    public static bool IsNothing(Tensor value) => Nothings.TryGetValue(value, out _);

    /// <summary>Whether it stands for something that is no tensor.</summary>
    internal static bool IsStandIn(Tensor value) => Find(value) is not null || IsNothing(value);

    /// <summary>Named values with each sequence's tensors, named with their numbers, in its place.</summary>
    internal static IEnumerable<(string Name, Tensor Value)> Spread(IEnumerable<(string Name, Tensor Value)> values) => values.SelectMany(entry =>
        Find(entry.Value) is { } tensors ? tensors.Select((tensor, number) => ($"{entry.Name}.{number}", tensor)) : [entry]);

    private static Tensor StandIn() => TensorScope.Detach(Tensor.Empty([0], DType.Bool));
}
