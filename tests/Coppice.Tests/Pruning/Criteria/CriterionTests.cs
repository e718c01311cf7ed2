using Coppice.Modules;
using Coppice.Pruning;
using Coppice.Pruning.Criteria;
using Coppice.Pruning.Selection;
using Coppice.Tensors;
using Coppice.Tests.Pruning.Callbacks;
using Coppice.Tests.Pruning.Masks;

namespace Coppice.Tests.Pruning.Criteria;

public sealed class CriterionTests
{
    [Fact]
    public void Magnitude_OfAMaskedWeight_IsZeroThere()
    {
        var holder = new Holder(Tensor.From<float>([3, -4, 0.5f], [3]));
        holder.Weight.SetMask(Tensor.From<float>([1, 1, 0], [3]));
        Assert.Equal([3, 4, 0], new Magnitude().ScoreAll([Of(holder)])[0].ToArray<float>());
    }

    [Theory]
    [InlineData(1, 4, 5.5)]
    [InlineData(2, 3.16227766, 3.35410197)]
    [InlineData(double.PositiveInfinity, 3, 2.5)]
    public void ChannelNorm_OfConv1D_SumsItsColumns(double n, double first, double second)
    {
        var conv = new Conv1D(3, 2);
        conv.Parameter("weight").Replace(Tensor.From<float>([1, 2, 0, -1, -3, 2.5f], [3, 2]));
        var scores = new ChannelNorm(n).ScoreAll([new(new(conv, "weight", conv.Parameter("weight"), "c.weight"))])[0].ToArray<float>();
        Assert.Equal([first, second], scores.Select(score => (double)score), (a, b) => Math.Abs(a - b) < 1e-6);
    }

    [Fact]
    public void RandomScore_OfAWeight_DependsOnSeedAndNameAlone()
    {
        var (one, other) = (Of(Holder.Random(1, 40), "a"), Of(Holder.Random(2, 40), "b"));
        float[] Scores(long seed, params WeightStatistics[] weights) => [.. new RandomScore(seed).ScoreAll(weights)[^1].ToArray<float>()];
        Assert.Equal(Scores(1, one, other), Scores(1, other));
        Assert.NotEqual(Scores(1, one), Scores(1, other));
        Assert.NotEqual(Scores(1, one), Scores(2, one));
        Assert.Equal([5], new RandomScore(1, PruningUnit.Channel).ScoreAll([Of(Holder.Random(1, 5, 3))])[0].Shape);
    }

    [Fact]
    public void ScoreAll_WrongOrNaNScores_NamesTheWeight()
    {
        var weight = Of(new Holder(Tensor.From<float>([1, float.NaN], [2])), "layer.weight");
        AssertThrows<PruningException>("'layer.weight'", () => new Magnitude().ScoreAll([weight]));
        AssertThrows<InvalidOperationException>("F32 [2]", () => new OwnCriterion(Tensor.Zeros([3])).ScoreAll([weight]));
        AssertThrows<InvalidOperationException>("Needs", () => new OwnCriterion(null).ScoreAll([weight]));
    }

    [Fact]
    public void Gather_WhatItCannot_IsRefusedAndChangesNothing()
    {
        var model = SmallNet.Create();
        var weights = LiveWeight.Select(model, include: ["1.weight"]);
        var calibration = new Calibration(SmallNet.Task(model), SmallNet.Data(), 2);
        AssertThrows<PruningException>("1.weight", () => calibration.Gather(weights, CriterionNeeds.OutputGradients));
        AssertThrows<PruningException>("GradualPruning", () => calibration.Gather(weights, CriterionNeeds.Movement));
        model.NamedParameters().First().Parameter.Data.AsSpan<float>()[0] = float.NaN;
        AssertThrows<PruningException>("loss", () => calibration.Gather(weights, CriterionNeeds.Gradients));
        Assert.All(model.NamedParameters(), entry => Assert.True(entry.Parameter.RequiresGradient));
    }

    [Fact]
    public void Gather_MaskedAndFrozenWeights_HaveGradientsWhereNotMasked()
    {
        var model = SmallNet.Create();
        var weights = LiveWeight.Select(model, include: ["3.weight"]);
        var parameter = weights[0].Parameter;
        var mask = Tensor.Full(parameter.Shape, 1);
        mask.AsSpan<float>()[..10].Clear();
        parameter.SetMask(mask);
        parameter.RequiresGradient = false;
        var gathered = new Calibration(SmallNet.Task(model), SmallNet.Data(), 2).Gather(weights, CriterionNeeds.Gradients)[0];
        Assert.Equal(2, gathered.Batches);
        Assert.All(gathered.Gradients.ToArray<float>()[..10], gradient => Assert.Equal(0, gradient));
        Assert.Contains(gathered.Gradients.ToArray<float>()[10..], gradient => gradient != 0);
        Assert.False(parameter.RequiresGradient);
    }

    private static void AssertThrows<T>(string why, Action act) where T : Exception =>
        Assert.Contains(why, Assert.Throws<T>(act).Message, StringComparison.Ordinal);

    private static WeightStatistics Of(Holder holder, string name = "weight") => new(new(holder, "weight", holder.Weight, name));

    private sealed class OwnCriterion(Tensor? scores) : Criterion
    {
        public override PruningUnit Unit => PruningUnit.Entry;

        protected override Tensor Score(WeightStatistics weight) => scores ?? weight.Gradients;
    }
}
