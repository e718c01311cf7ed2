using Coppice.Modules;
using Coppice.Pruning;
using Coppice.Pruning.Masks;
using Coppice.Tensors;

namespace Coppice.Tests.Pruning.Masks;

public sealed class PruneTests
{
    [Fact]
    public void StateDict_WhilePrunedAndAfter_HasTorchsNamesInTorchsOrder()
    {
        var bias = new Parameter(Holder.RandomTensor(2, 4));
        var module = new Holder(("weight", new Parameter(Holder.RandomTensor(1, 4, 3))), ("bias", bias));
        module.AddBuffer("running", Tensor.Full([4], 0));
        module.AddChild("child", Holder.Random(3, 2, 2));
        Prune.L1Unstructured(module, "weight", 0.5);
        Assert.Equal(["bias", "weight_orig", "running", "weight_mask", "child.weight"], module.StateDict().Keys);
        Prune.L1Unstructured(module, "bias", 1);
        Prune.L1Unstructured(module, "weight", 1);
        Assert.Equal(["weight_orig", "bias_orig", "running", "weight_mask", "bias_mask", "child.weight"], module.StateDict().Keys);
        Prune.Remove(module, "weight");
        Assert.Equal(["bias_orig", "weight", "running", "bias_mask", "child.weight"], module.StateDict().Keys);
    }

    [Fact]
    public void Remove_LeavesTheValueThatModulesSaw()
    {
        var module = Holder.Random(4, 8, 8);
        Prune.L1Unstructured(module, "weight", 0.4, semantics: PruneSemantics.Torch);
        var seen = module.Weight.Value.ToArray<float>();
        Prune.Remove(module, "weight");
        var stored = module.Weight.Data.ToArray<float>();
        Assert.Equal(seen.Select(BitConverter.SingleToInt32Bits), stored.Select(BitConverter.SingleToInt32Bits));
        Assert.Same(module.Weight.Data, module.Weight.Value);
    }

    [Fact]
    public void Remove_ThenPruneAgain_RanksAllEntriesAgain()
    {
        var module = new Holder(Tensor.From<float>([3, 1, 2, 4], [4]));
        Prune.L1Unstructured(module, "weight", 2);
        Prune.Remove(module, "weight");
        Prune.L1Unstructured(module, "weight", 2);
        Assert.Equal([1, 0, 0, 1], module.Mask);
    }

    [Fact]
    public void Remove_UnprunedParameter_IsRefused()
    {
        var error = Assert.Throws<InvalidOperationException>(() => Prune.Remove(Holder.Random(1, 2, 2), "weight"));
        Assert.Contains("'weight' of Holder has no mask", error.Message);
    }

    [Fact]
    public void IsPruned_LooksIntoChildren()
    {
        var (outer, inner) = (Holder.Random(1, 2), Holder.Random(2, 2));
        outer.AddChild("inner", inner);
        Assert.False(Prune.IsPruned(outer));
        Prune.Identity(inner, "weight");
        Assert.True(Prune.IsPruned(outer));
        Assert.Equal([1, 1], inner.Mask);
        Prune.Remove(inner, "weight");
        Assert.False(Prune.IsPruned(outer));
    }

    [Fact]
    public void Prune_TiedWeight_IsPrunedInBothModulesAndStaysTied()
    {
        var shared = new Parameter(Tensor.From<float>([1, -2, 3, -4], [2, 2]));
        var (embedding, head) = (new Holder(("weight", shared)), new Holder(("weight", shared)));
        Prune.L1Unstructured(head, "weight", 2);
        Assert.Equal([0, 0, 3, -4], embedding.Weight.Value.ToArray<float>());
        Prune.Remove(embedding, "weight");
        Assert.Same(head.Weight, embedding.Weight);
        Assert.False(Prune.IsPruned(head));
        Assert.Equal([0, 0, 3, -4], head.Weight.Data.ToArray<float>());
    }

    [Fact]
    public void GlobalUnstructured_TiedWeightNamedTwice_CountsOnce()
    {
        var shared = new Parameter(Tensor.From<float>([1, 2, 3, 4], [4]));
        var (first, second) = (new Holder(("weight", shared)), new Holder(("weight", shared)));
        var third = new Holder(Tensor.From<float>([5, 6, 7, 8], [4]));
        Prune.GlobalUnstructured([(first, "weight"), (second, "weight"), (third, "weight")], new L1Unstructured(0.75));
        Assert.Equal([0, 0, 0, 0], first.Mask);
        Assert.Equal([0, 0, 1, 1], third.Mask);
    }

    [Fact]
    public void GlobalUnstructured_ScoresUnderATiedWeightsSecondName_AreRanked()
    {
        var shared = new Parameter(Tensor.From<float>([1, 2, 3, 4], [4]));
        var (first, second) = (new Holder(("weight", shared)), new Holder(("weight", shared)));
        var scores = new Dictionary<(Module, string), Tensor> { [(second, "weight")] = Tensor.From<float>([4, 3, 2, 1], [4]) };
        Prune.GlobalUnstructured([(first, "weight"), (second, "weight")], new L1Unstructured(2), scores);
        Assert.Equal([1, 1, 0, 0], first.Mask);
    }

    [Theory]
    [InlineData("bias")]
    [InlineData("weight_orig")]
    [InlineData("")]
    public void Prune_WrongName_ListsTheNamesThereAre(string name)
    {
        var error = Assert.Throws<ArgumentException>(() => Prune.L1Unstructured(Holder.Random(1, 2, 2), name, 1));
        Assert.Contains($"no parameter '{name}'", error.Message);
        Assert.Contains("it has weight", error.Message);
    }

    [Fact]
    public void Prune_ScoresOfAnotherShape_AreRefusedWithBothShapes()
    {
        var module = Holder.Random(1, 2, 3);
        var error = Assert.Throws<ArgumentException>(() => Prune.L1Unstructured(module, "weight", 1, Tensor.Full([3, 2], 1)));
        Assert.Contains("[3, 2]", error.Message);
        Assert.Contains("[2, 3]", error.Message);
        Assert.Null(module.Weight.Mask);
    }

    [Fact]
    public void Prune_ScoresAsAStridedView_AreReadInOrder()
    {
        var module = new Holder(Tensor.Full([2, 3], 1));
        Prune.L1Unstructured(module, "weight", 3, Tensor.From<float>([1, 4, 2, 5, 3, 6], [3, 2]).Transpose(0, 1));
        Assert.Equal([0, 0, 0, 1, 1, 1], module.Mask);
    }

    [Fact]
    public void Prune_NotF32_IsRefused()
    {
        var module = new Holder(Tensor.Zeros([2, 2], DType.F16));
        Assert.Contains("F16", Assert.Throws<ArgumentException>(() => Prune.L1Unstructured(module, "weight", 1)).Message);
    }

    [Fact]
    public void Prune_NaN_IsRefusedWithNameAndCount()
    {
        var module = new Holder(Tensor.From<float>([1, float.NaN, 2, float.NaN], [2, 2]));
        BasePruningMethod[] methods = [new L1Unstructured(1), new LnStructured(1, 2, 0), new NmSparsity(1, 2), new BlockPattern(1, 2, 1)];
        foreach (var method in methods)
        {
            var error = Assert.Throws<PruningException>(() => method.Apply(module, "weight"));
            Assert.Contains("2 of the 4", error.Message);
            Assert.Contains("'weight' of Holder", error.Message);
        }
        Assert.Null(module.Weight.Mask);
    }

    [Fact]
    public void Prune_NaNUnderTorchSemantics_RanksHighestAndStays()
    {
        var module = new Holder(Tensor.From<float>([1, float.NaN, float.PositiveInfinity, -2], [2, 2]));
        Prune.L1Unstructured(module, "weight", 3, semantics: PruneSemantics.Torch);
        Assert.Equal([0, 1, 0, 0], module.Mask);
    }

    [Fact]
    public void Prune_NaNThatIsMaskedAlready_DoesNotMatter()
    {
        var module = new Holder(Tensor.From<float>([1, float.NaN, 3, 2], [4]));
        Prune.CustomFromMask(module, "weight", Tensor.From<float>([1, 0, 1, 1], [4]));
        Prune.L1Unstructured(module, "weight", 1);
        Assert.Equal([0, 0, 1, 1], module.Mask);
        Assert.Equal([0, 0, 3, 2], module.Weight.Value.ToArray<float>());
    }

    [Fact]
    public void Prune_Infinity_IsRankedAsTheLargest()
    {
        var module = new Holder(Tensor.From<float>([float.NegativeInfinity, 1, float.MaxValue, 2], [2, 2]));
        Prune.L1Unstructured(module, "weight", 3);
        Assert.Equal([1, 0, 0, 0], module.Mask);
        Assert.Equal(float.NegativeInfinity, module.Weight.Value.ToArray<float>()[0]);
    }

    [Fact]
    public void Remove_MaskedInfinityAndNegative_AreZeroOrTimesZero()
    {
        float[] values = [float.PositiveInfinity, -1, -0f, 5];
        var mask = Tensor.From<float>([0, 0, 1, 1], [4]);
        var (strict, torch) = (new Holder(Tensor.From<float>(values, [4])), new Holder(Tensor.From<float>(values, [4])));
        Prune.CustomFromMask(strict, "weight", mask);
        Prune.CustomFromMask(torch, "weight", mask, PruneSemantics.Torch);
        Prune.Remove(strict, "weight");
        Prune.Remove(torch, "weight");
        Assert.Equal(["0", "0", "-0", "5"], strict.Weight.Data.ToArray<float>().Select(v => v.ToString()));
        Assert.Equal(["NaN", "-0", "-0", "5"], torch.Weight.Data.ToArray<float>().Select(v => v.ToString()));
    }

    [Fact]
    public void Prune_EqualMagnitudes_GoByLowestFlatIndex()
    {
        var module = new Holder(Tensor.From<float>([1, -1, 1, 0.5f, -1, 1], [2, 3]));
        Prune.L1Unstructured(module, "weight", 3);
        Assert.Equal([0, 0, 1, 0, 1, 1], module.Mask);
        var channels = new Holder(Tensor.Full([4, 2], -1));
        Prune.LnStructured(channels, "weight", 2, 1, 0);
        Assert.Equal([0, 0, 0, 0, 1, 1, 1, 1], channels.Mask);
    }

    [Fact]
    public void LnStructured_OneAxis_IsRefused()
    {
        var error = Assert.Throws<ArgumentException>(() => Prune.LnStructured(Holder.Random(1, 5), "weight", 1, 2, 0));
        Assert.Contains("[5]", error.Message);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(-3)]
    public void Structured_AxisOutOfRange_IsRefusedWithTheRange(int dim)
    {
        var module = Holder.Random(1, 4, 3);
        var random = new RandomSource(0);
        BasePruningMethod[] methods =
            [new LnStructured(1, 2, dim), new RandomStructured(1, random, dim), new PerOutputUnstructured(1, dim)];
        foreach (var method in methods)
        {
            var error = Assert.Throws<ArgumentOutOfRangeException>(() => method.Apply(module, "weight"));
            Assert.Contains("from -2 to 1", error.Message);
        }
    }

    [Fact]
    public void LnStructured_NaNNorm_IsRefused() => Assert.Throws<ArgumentOutOfRangeException>(() => new LnStructured(1, double.NaN, 0));

    [Fact]
    public void Structured_AllChannelsPruned_FractionPrunesNothingCountIsRefused()
    {
        var module = Holder.Random(1, 4, 3);
        Prune.LnStructured(module, "weight", 1.0, 2, 0);
        Assert.DoesNotContain(1f, module.Mask);
        Prune.LnStructured(module, "weight", 0.5, 2, 0);
        Prune.L1Unstructured(module, "weight", 0.5);
        Prune.RandomStructured(module, "weight", 0.5, new RandomSource(1), 1);
        var channels = Assert.Throws<PruningException>(() => Prune.LnStructured(module, "weight", 1, 2, 0));
        Assert.Contains("the 0 remaining channels", channels.Message);
        var weights = Assert.Throws<PruningException>(() => Prune.L1Unstructured(module, "weight", 1));
        Assert.Contains("the 0 remaining weights", weights.Message);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(0, 3)]
    [InlineData(3, 0)]
    [InlineData(2, 0, 4)]
    public void Prune_NoElements_PrunesNothing(params int[] shape)
    {
        var random = new RandomSource(0);
        List<BasePruningMethod> methods = [new L1Unstructured(0.5), new RandomUnstructured(0.5, random), new Identity(), new EveryOther()];
        if (shape.Length > 1)
            methods.AddRange([new LnStructured(0.3, 2, 0), new RandomStructured(0.3, random)]);
        if (shape.Length > 1)
            methods.AddRange([new PerOutputUnstructured(0.5), new BlockPattern(1, 1, 0.5)]);
        foreach (var method in methods)
        {
            var module = new Holder(Tensor.Zeros(Shape.Create(shape)));
            method.Apply(module, "weight");
            method.Apply(module, "weight");
            Assert.Empty(module.Mask);
            Prune.Remove(module, "weight");
        }
    }

    [Fact]
    public void Prune_ZeroAmount_MasksNothingAndDrawsNothing()
    {
        var random = new RandomSource(7);
        foreach (var amount in (PruneAmount[])[0, 0.0])
        {
            var module = Holder.Random(1, 4, 4);
            Prune.L1Unstructured(module, "weight", amount);
            Prune.LnStructured(module, "weight", amount, 2, 0);
            Prune.RandomUnstructured(module, "weight", amount, random);
            Prune.RandomStructured(module, "weight", amount, random);
            Assert.Equal(Enumerable.Repeat(1f, 16), module.Mask);
        }
        Assert.Equal(new RandomSource(7).NextUInt32(), random.NextUInt32());
    }

    [Fact]
    public void Amount_ConvertsFromIntegersAndFractionsOnly()
    {
        var from = typeof(PruneAmount).GetMethods().Where(m => m.Name == "op_Implicit").Select(m => m.GetParameters()[0].ParameterType);
        Assert.Equal([typeof(double), typeof(long)], from.OrderBy(type => type.Name));
        Assert.True(((PruneAmount)1).IsCount);
        Assert.False(((PruneAmount)1.0).IsCount);
        Assert.False(((PruneAmount)0.5f).IsCount);
    }

    [Fact]
    public void GlobalUnstructured_StructuredMethod_IsRefused()
    {
        var module = Holder.Random(1, 4, 3);
        var error = Assert.Throws<ArgumentException>(() => Prune.GlobalUnstructured([(module, "weight")], new LnStructured(1, 2, 0)));
        Assert.Contains("LnStructured is Structured", error.Message);
    }

    [Fact]
    public void GlobalUnstructured_OneBadParameter_ChangesNone()
    {
        var (good, bad) = (Holder.Random(1, 4), new Holder(Tensor.From<float>([1, float.NaN], [2])));
        Prune.L1Unstructured(good, "weight", 1);
        var before = good.Weight.Mask;
        Assert.Throws<PruningException>(() => Prune.GlobalUnstructured([(good, "weight"), (bad, "weight")], new L1Unstructured(1)));
        Assert.Throws<ArgumentException>(() => Prune.GlobalUnstructured([(good, "weight"), (bad, "bias")], new L1Unstructured(1)));
        Assert.Throws<PruningException>(() => Prune.GlobalUnstructured([(good, "weight")], new L1Unstructured(4)));
        Assert.Same(before, good.Weight.Mask);
        Assert.Null(bad.Weight.Mask);
    }

    [Fact]
    public void GlobalUnstructured_ScoresForAnotherParameter_AreRefused()
    {
        var (module, other) = (Holder.Random(1, 4), Holder.Random(2, 4));
        var scores = new Dictionary<(Module, string), Tensor> { [(other, "weight")] = Tensor.Full([4], 1) };
        var error = Assert.Throws<ArgumentException>(() => Prune.GlobalUnstructured([(module, "weight")], new L1Unstructured(1), scores));
        Assert.Contains("not among the parameters", error.Message);
    }

    [Fact]
    public void GlobalUnstructured_NoParameters_DoesNothing() => Prune.GlobalUnstructured([], new L1Unstructured(0.5));

    [Fact]
    public void Value_AfterTheDataChanged_IsUnderTheSameMask()
    {
        var module = new Holder(Tensor.From<float>([1, 2, 3, 4], [4]));
        Prune.L1Unstructured(module, "weight", 2);
        Assert.Equal([0, 0, 3, 4], module.Weight.Value.ToArray<float>());
        module.Weight.Data.AsSpan<float>().Fill(9);
        Assert.Equal([0, 0, 9, 9], module.Weight.Value.ToArray<float>());
    }

    [Fact]
    public void CustomFromMask_KeepsACopyOfTheMask()
    {
        var module = Holder.Random(1, 3);
        var mask = Tensor.From<float>([1, 0, 1], [3]);
        Prune.CustomFromMask(module, "weight", mask);
        mask.AsSpan<float>().Clear();
        Assert.Equal([1, 0, 1], module.Mask);
        Assert.Contains("[2]", Assert.Throws<ArgumentException>(() => Prune.CustomFromMask(module, "weight", Tensor.Full([2], 1))).Message);
    }

    [Fact]
    public void Prune_WithinATensorScope_OutlivesIt()
    {
        var module = Holder.Random(1, 64, 64);
        using (new TensorScope())
        {
            Prune.L1Unstructured(module, "weight", 0.5);
            Prune.L1Unstructured(module, "weight", 0.5);
        }
        Assert.Equal(3072, module.Mask.Count(m => m == 0));
        Assert.Equal(3072, module.Weight.Value.ToArray<float>().Count(v => v == 0));
    }

    [Fact]
    public void LoadStateDict_OfAPrunedModule_PutsItsMaskInForce()
    {
        var (saved, loaded) = (Holder.Random(1, 4, 4), Holder.Random(2, 4, 4));
        Prune.L1Unstructured(saved, "weight", 0.5);
        loaded.LoadStateDict(saved.StateDict());
        Assert.Equal(saved.Weight.Value.ToArray<float>(), loaded.Weight.Value.ToArray<float>());
        Prune.L1Unstructured(loaded, "weight", 0.5);
        Assert.Equal(4, loaded.Mask.Count(m => m == 1));
    }
}
