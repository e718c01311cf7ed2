using Coppice.Checkpoints;
using Coppice.Pruning.Methods;
using Coppice.Pruning.Streaming;
using Coppice.Pruning;
using Coppice.Tensors;

namespace Coppice.Tests.Pruning;

public sealed class MaskedTensorTests
{
    public static TheoryData<string, string?, int?, DType> Methods =>
    [
        ("l1", null, null, DType.F32), ("l1", null, null, DType.BF16), ("random", null, null, DType.F32), ("random", null, null, DType.F16),
        ("ln", "channel", 0, DType.F32), ("ln", "channel", 1, DType.F16), ("random", "channel", 2, DType.F64),
        ("l1", "2:4", null, DType.F32), ("l1", "4x1", null, DType.BF16), ("l1", "2x3", null, DType.F64),
    ];

    [Theory]
    [MemberData(nameof(Methods))]
    public void Read_AnyPieces_EqualTheWhole(string name, string? granularity, int? dim, DType dtype)
    {
        var method = new MethodOptions(name, granularity, Dim: dim).ToMethod();
        var tensor = MemoryTensor.Random("w.weight", [24, 60, 12], 1, dtype);
        var result = Pruner.Prune(PruneHelper.All(tensor), new PruneRequest(method, method.TakesAmount ? PruneAmount.Fraction(0.3) : null));
        AssertPiecesEqualWhole(result.Tensors[0], new Random(2));
    }

    [Fact]
    public void Read_TorchRandomAcrossKeptStates_EqualsTheWhole()
    {
        var request = new PruneRequest(new RandomPruning(), PruneAmount.Fraction(0.3)) { Semantics = PruneSemantics.Torch, Seed = 5 };
        var result = Pruner.Prune(PruneHelper.All(MemoryTensor.Random("w.weight", [140_000], 1)), request);
        Assert.Equal(42_000, result.Pruned);
        AssertPiecesEqualWhole(result.Tensors[0], new Random(3), pieces: 4);
    }

    private static void AssertPiecesEqualWhole(TensorSource masked, Random random, int pieces = 50)
    {
        var whole = MemoryTensor.AllBytes(masked);
        var joined = new byte[whole.Length];
        for (var done = 0; done < joined.Length;)
        {
            // Odd lengths cut elements in two.
            var length = Math.Min(random.Next(1, 2 * joined.Length / pieces), joined.Length - done);
            masked.Read(done, joined.AsSpan(done, length));
            done += length;
        }
        PruneHelper.AssertSame(whole, joined);
    }
}
