using Coppice.Pruning.Methods;
using Coppice.Pruning.Streaming;
using Coppice.Pruning;
using Coppice.Tensors.Kernels;
using Coppice.Tensors;

namespace Coppice.Tests.Pruning;

/// <summary>Sets the number of threads for the whole process, so nothing runs beside it.</summary>
[CollectionDefinition(nameof(DeterminismTests), DisableParallelization = true)]
public sealed class DeterminismCollection;

[Collection(nameof(DeterminismTests))]
public sealed class DeterminismTests
{
    public static TheoryData<string, string?> Methods =>
        [("l1", null), ("random", null), ("ln", "channel"), ("random", "channel"), ("l1", "2:4"), ("l1", "4x1")];

    [Theory]
    [MemberData(nameof(Methods))]
    public void Method_OneThreadOrTwo_GivesTheSameBytes(string name, string? granularity)
    {
        var method = new MethodOptions(name, granularity).ToMethod();
        MemoryTensor[] tensors = [MemoryTensor.Random("a", [640, 1000], 1, DType.F16), MemoryTensor.Random("b", [128, 96], 2)];
        var request = new PruneRequest(method, method.TakesAmount ? PruneAmount.Fraction(0.4) : null)
        {
            Scope = method.SupportsGlobal ? PruneScope.Global : PruneScope.PerTensor,
        };
        var before = Workers.ThreadCount;
        try
        {
            byte[][] Run(int threads)
            {
                Workers.ThreadCount = threads;
                return [.. Pruner.Prune(PruneHelper.All([.. tensors]), request).Tensors.Select(MemoryTensor.AllBytes)];
            }
            foreach (var (one, two) in Run(1).Zip(Run(2)))
                PruneHelper.AssertSame(one, two);
        }
        finally
        {
            Workers.ThreadCount = before;
        }
    }
}
