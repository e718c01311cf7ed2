using System.Runtime.InteropServices;
using Coppice.Modules;
using Coppice.Pruning;
using Coppice.Pruning.Masks;
using Coppice.Pruning.Methods;
using Coppice.Pruning.Selection;
using Coppice.Pruning.Streaming;
using Coppice.Tensors;
using Coppice.Tests.Pruning.Masks;

namespace Coppice.Tests.Pruning.Methods;

/// <summary>A checkpoint pruned in a stream and a live module pruned by masks end as the same bits, ties and signs included.</summary>
public sealed class LiveEqualityTests
{
    private static readonly int[][] Shapes = [[24, 16], [16, 48], [8, 4, 3, 3]];

    [Theory]
    [InlineData(false, PruneSemantics.Strict)]
    [InlineData(false, PruneSemantics.Torch)]
    [InlineData(true, PruneSemantics.Strict)]
    public void TwoOfFour_OfACheckpoint_EqualsTheLiveOne(bool conv1D, PruneSemantics semantics) =>
        AssertOne(new NmPruning(2, 4), null, new NmSparsity(2, 4, conv1D ? 0 : 1) { Semantics = semantics }, conv1D);

    [Theory]
    [InlineData(false, PruneSemantics.Strict)]
    [InlineData(true, PruneSemantics.Torch)]
    public void Blocks_OfACheckpoint_EqualTheLiveOnes(bool conv1D, PruneSemantics semantics) =>
        AssertOne(new BlockPruning(4, 1, 1), 0.4, new BlockPattern(4, 1, 0.4, conv1D ? 0 : 1) { Semantics = semantics }, conv1D);

    [Theory]
    [InlineData(false, 0.3, PruneSemantics.Strict)]
    [InlineData(false, 1.0, PruneSemantics.Torch)]
    [InlineData(true, 0.3, PruneSemantics.Strict)]
    [InlineData(true, 0.7, PruneSemantics.Torch)]
    [InlineData(true, 0.0, PruneSemantics.Strict)]
    public void Row_OfACheckpoint_EqualsTheLiveOne(bool conv1D, double amount, PruneSemantics semantics) =>
        AssertOne(new RowPruning(), amount, new PerOutputUnstructured(amount, conv1D ? 1 : 0) { Semantics = semantics }, conv1D);

    [Theory]
    [InlineData(0.3, PruneSemantics.Strict)]
    [InlineData(0.9, PruneSemantics.Torch)]
    public void Lamp_OfACheckpoint_EqualsTheLiveOne(double amount, PruneSemantics semantics) =>
        AssertAll(new LampPruning(), amount, semantics, parameters => Prune.Lamp(parameters, amount, semantics));

    [Theory]
    [InlineData(0.3, PruneSemantics.Strict)]
    [InlineData(0.9, PruneSemantics.Torch)]
    public void Erk_OfACheckpoint_EqualsTheLiveOne(double amount, PruneSemantics semantics) =>
        AssertAll(new ErkPruning(), amount, semantics, parameters => Prune.Erk(parameters, amount, semantics));

    [Theory]
    [InlineData("lamp")]
    [InlineData("erk")]
    public void LampAndErk_OfNaNUnderTorchSemantics_KeepItAsTheLiveOnes(string method)
    {
        float[] values = [float.NaN, 1, -2, -float.NaN, float.NegativeInfinity, 3, 0, -0.5f];
        var source = MemoryTensor.F32("a.weight", [2, 4], values);
        var live = new Holder(Tensor.From<float>(values, [2, 4]));
        if (method == "lamp")
            Prune.Lamp([(live, "weight")], 4, PruneSemantics.Torch);
        else
            Prune.Erk([(live, "weight")], 4, PruneSemantics.Torch);
        var result = Pruner.Prune(WeightSelector.Select([source], ModelFacts.None),
            new PruneRequest(new MethodOptions(method).ToMethod(), 4) { Semantics = PruneSemantics.Torch });
        AssertSameBits(live.Weight, MemoryTensor.AllBytes(result.Tensors[0]));
    }

    [Theory]
    [InlineData(DType.F64)]
    [InlineData(DType.F16)]
    [InlineData(DType.BF16)]
    public void Row_OfOtherTypesReadByCopy_PrunesEachRowItsShare(DType dtype)
    {
        var source = MemoryTensor.Random("a.weight", [5, 40], 3, dtype, mapped: false);
        var result = PruneHelper.Prune(new RowPruning(), 0.25, PruneScope.PerTensor, PruneSemantics.Strict, source);
        var (before, after) = (MemoryTensor.Values(source), MemoryTensor.Values(result.Tensors[0]));
        Assert.Equal(50, result.Pruned);
        for (var row = 0; row < 5; row++)
        {
            var kept = Enumerable.Range(row * 40, 40).Where(i => after[i] != 0).ToList();
            var gone = Enumerable.Range(row * 40, 40).Except(kept).ToList();
            Assert.Equal(10, gone.Count);
            Assert.True(gone.Max(i => Math.Abs(before[i])) <= kept.Min(i => Math.Abs(before[i])));
            Assert.All(kept, i => Assert.Equal(before[i], after[i]));
        }
    }

    [Theory]
    [InlineData("lamp")]
    [InlineData("erk")]
    public void LampAndErk_AnyScope_AreGlobalAndRefuseAmountsOfSingleWeights(string method)
    {
        var request = new PruneRequest(new MethodOptions(method).ToMethod(), 0.5) { Scope = PruneScope.PerTensor };
        request.Validate();
        Assert.Equal(PruneScope.Global, request.Scope);
        var single = request with { OwnAmounts = [WeightAmount.Parse("a*=0.5")] };
        Assert.Contains("shares one amount out", Assert.Throws<PruningException>(single.Validate).Message, StringComparison.Ordinal);
    }

    private static void AssertOne(PruningMethod method, double? amount, BasePruningMethod live, bool conv1D)
    {
        foreach (var shape in Shapes.Where(shape => !conv1D || shape.Length == 2))
        {
            var values = Values(1, shape);
            var source = MemoryTensor.F32("transformer.h.0.mlp.c_fc.weight", Shape.Create(shape), values);
            var selection = WeightSelector.Select([source], conv1D ? new ModelFacts("gpt2") : ModelFacts.None, ["*"]);
            Assert.Equal(conv1D, selection.Weights[0].InputMajor);
            var request = new PruneRequest(method, amount is { } fraction ? PruneAmount.Fraction(fraction) : null)
            {
                Semantics = live.Semantics,
            };
            var module = new Holder(Tensor.From<float>(values, Shape.Create(shape)));
            live.Apply(module, "weight");
            AssertSameBits(module.Weight, MemoryTensor.AllBytes(Pruner.Prune(selection, request).Tensors[0]));
        }
    }

    private static void AssertAll(
        PruningMethod method, double amount, PruneSemantics semantics, Action<IEnumerable<(Module, string)>> pruneLive)
    {
        var sources = Shapes.Select((shape, i) => MemoryTensor.F32($"{i}.weight", Shape.Create(shape), Values(i, shape))).ToArray();
        var modules = Shapes.Select((shape, i) => new Holder(Tensor.From<float>(Values(i, shape), Shape.Create(shape)))).ToArray();
        pruneLive(modules.Select(module => ((Module)module, "weight")));
        var result = PruneHelper.Prune(method, amount, PruneScope.PerTensor, semantics, sources);
        Assert.Equal((long)Math.Round(amount * sources.Sum(source => source.Count)), result.Pruned);
        Assert.True(result.Weights.Select(weight => (double)weight.Pruned / weight.Weight.Source.Count).Distinct().Count() > 1);
        for (var i = 0; i < modules.Length; i++)
            AssertSameBits(modules[i].Weight, MemoryTensor.AllBytes(result.Tensors[i]));
    }

    private static void AssertSameBits(Parameter live, byte[] streamed) =>
        Assert.Equal(MemoryMarshal.AsBytes<float>(live.Value.ToArray<float>()).ToArray(), streamed);

    /// <summary>Of both signs, coarse enough for many ties, each layer on a scale of its own.</summary>
    private static float[] Values(int seed, int[] shape)
    {
        var random = new Random(seed);
        var count = shape.Aggregate(1, (product, size) => product * size);
        return [.. Enumerable.Range(0, count).Select(_ => (float)Math.Round((random.NextDouble() - 0.5) * 40) / 16 * (seed + 1))];
    }
}
