using Coppice.Checkpoints;
using Coppice.Pruning.Methods;
using Coppice.Pruning.Selection;
using Coppice.Pruning.Streaming;
using Coppice.Pruning;

namespace Coppice.Tests.Pruning;

internal static class PruneHelper
{
    /// <summary>All tensors in scope.</summary>
    public static WeightSelection All(params TensorSource[] tensors) => WeightSelector.Select(tensors, ModelFacts.None, ["*"]);

    public static PruneResult Prune(PruningMethod method, PruneAmount amount, PruneScope scope,
        PruneSemantics semantics, params TensorSource[] tensors) =>
        Pruner.Prune(All(tensors), new PruneRequest(method, amount) { Scope = scope, Semantics = semantics });

    public static PruneResult L1(PruneAmount amount, params TensorSource[] tensors) =>
        Prune(new MagnitudePruning(), amount, PruneScope.PerTensor, PruneSemantics.Strict, tensors);

    /// <summary>What is left of the only tensor.</summary>
    public static byte[] Bytes(PruneResult result) => MemoryTensor.AllBytes(Assert.Single(result.Tensors));

    /// <summary>Equality of long arrays, quickly.</summary>
    public static void AssertSame<T>(T[] expected, T[] actual) where T : IEquatable<T> =>
        Assert.True(expected.AsSpan().SequenceEqual(actual),
            $"first difference at {expected.AsSpan().CommonPrefixLength(actual)} of {expected.Length}");
}
