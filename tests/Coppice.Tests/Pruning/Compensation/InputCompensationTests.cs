using Coppice.Graphs;
using Coppice.Modules;
using Coppice.Pruning;
using Coppice.Pruning.Compensation;
using Coppice.Pruning.Dependency;
using Coppice.Tensors;
using static Coppice.Tests.Graphs.TestModels;

namespace Coppice.Tests.Pruning.Compensation;

public sealed class InputCompensationTests
{
    private const int Hidden = 12;

    /// <summary>Removed neurons that repeat others, up to a factor and a shift, cost nothing.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void LeastSquares_OfNeuronsThatFollowFromOthers_GivesBackTheOutputs(int seed)
    {
        var model = TwoLayers();
        var (weight, bias) = (model.Find("0").Parameter("weight").Data, model.Find("0").Parameter("bias").Data);
        var random = new RandomSource(seed);
        for (var neuron = 8; neuron < Hidden; neuron++)
        {
            var (from, factor) = ((int)(random.NextUInt32() % 8), random.NextSingle() - 2);
            for (var i = 0; i < 5; i++)
                weight.AsSpan<float>()[neuron * 5 + i] = factor * weight.AsSpan<float>()[from * 5 + i];
            bias.AsSpan<float>()[neuron] = random.NextSingle();
        }
        var (before, after) = Compensated(model, [8, 9, 10, 11], CompensationMethod.LeastSquares, ridge: 1e-9);
        Assert.Equal(before, after, (a, b) => Math.Abs(a - b) < 2e-3);
    }

    [Fact]
    public void Bias_OfConstantNeurons_GivesBackTheOutputs()
    {
        var model = TwoLayers();
        model.Find("0").Parameter("weight").Data.AsSpan<float>()[..10].Clear(); // neurons 0 and 1 are their biases
        var (before, after) = Compensated(model, [0, 1], CompensationMethod.Bias);
        Assert.Equal(before, after, (a, b) => Math.Abs(a - b) < 1e-4);
    }

    [Fact]
    public void LeastSquares_BringsOutputsNearerThanBias_AndBiasNearerThanNothing()
    {
        double Error(CompensationMethod? method)
        {
            var (before, after) = Compensated(TwoLayers(), [0, 3, 7], method);
            return before.Zip(after, (a, b) => Math.Pow(a - b, 2)).Sum();
        }

        Assert.True(Error(CompensationMethod.Bias) < Error(null));
        Assert.True(Error(CompensationMethod.LeastSquares) < Error(CompensationMethod.Bias));
    }

    /// <summary>A convolution without bias hands the mean of what went to the normalisation behind it.</summary>
    [Fact]
    public void Bias_OfAConvolutionBeforeANormalisation_GoesIntoItsMean()
    {
        var model = Filled(new Sequential(new Conv2d(2, 6, 1), new Activation("relu"), new Conv2d(6, 4, 1, bias: false), new BatchNorm2d(4),
            new Conv2d(4, 3, 1)));
        model.Find("0").Parameter("weight").Data.AsSpan<float>()[..2].Clear();
        model.Find("0").Parameter("bias").Data.AsSpan<float>()[0] = 0.7f;
        Tensor[] inputs = [Floats([1, 2, 5, 5], 2)];
        var dependencies = DependencyGraph.Of(GraphTracer.Trace(model, new TraceInput("x", inputs[0])));
        var before = model.Forward(inputs[0]).ToArray<float>();
        var removal = new Removal(dependencies);
        removal.Remove(dependencies.Groups.First(group => group.Members.Any(member => member.Value.Name == "0.weight")), [0]);
        var compensation = InputCompensation.Of(dependencies, removal, [inputs], CompensationMethod.Bias);
        var (smaller, _) = PruningSurgeon.Apply(dependencies, removal, inputs);
        Assert.NotEqual(before, model.Forward(inputs[0]).ToArray<float>(), (a, b) => Math.Abs(a - b) < 1e-4);
        compensation.Apply(smaller);
        Assert.Equal(["2.weight"], compensation.Weights);
        Assert.Equal(before, model.Forward(inputs[0]).ToArray<float>(), (a, b) => Math.Abs(a - b) < 1e-4);
    }

    /// <summary>In each group of a grouped convolution a channel follows from another of the same group; one group goes as a whole too.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void LeastSquares_OfAGroupedConvolution_UsesTheChannelsOfEachGroup(bool removesAGroup)
    {
        var model = Filled(new Sequential(new Conv2d(6, 12, 1), new Conv2d(12, 6, 3, groups: 3), new Conv2d(6, 2, 1)));
        var (weight, bias) = (model.Find("0").Parameter("weight").Data, model.Find("0").Parameter("bias").Data);
        foreach (var (channel, from, factor) in new[] { (3, 0, -2f), (7, 5, 0.5f), (11, 10, 3f) })
        {
            for (var i = 0; i < 6; i++)
                weight.AsSpan<float>()[channel * 6 + i] = factor * weight.AsSpan<float>()[from * 6 + i];
            bias.AsSpan<float>()[channel] = channel;
        }
        if (removesAGroup)
            model.Find("2").Parameter("weight").Data.AsSpan<float>()[2..4].Clear(); // of both outputs, or they would change
        if (removesAGroup)
            model.Find("2").Parameter("weight").Data.AsSpan<float>()[8..10].Clear();
        Tensor[] inputs = [Floats([2, 6, 7, 7], 3)];
        var dependencies = DependencyGraph.Of(GraphTracer.Trace(model, new TraceInput("x", inputs[0])));
        var before = model.Forward(inputs[0]).ToArray<float>();
        var removal = new Removal(dependencies);
        removal.Remove(dependencies.Groups.Single(group => group.Size == 4), [3]);
        if (removesAGroup)
            removal.Remove(dependencies.Groups.Single(group => group.Size == 3), [1]);
        var compensation = InputCompensation.Of(dependencies, removal, [inputs], CompensationMethod.LeastSquares, 1e-9);
        var (smaller, _) = PruningSurgeon.Apply(dependencies, removal, inputs);
        Assert.NotEqual(before, model.Forward(inputs[0]).ToArray<float>(), (a, b) => Math.Abs(a - b) < 0.1);
        compensation.Apply(smaller);
        Assert.Equal(before, model.Forward(inputs[0]).ToArray<float>(), (a, b) => Math.Abs(a - b) < 2e-3);
    }

    /// <summary>Layers that read 12 and 8 channels have 144 and 64 products.</summary>
    [Theory]
    [InlineData(208)]
    [InlineData(144)] // one layer after the other
    public void Of_LittleMemory_GivesTheSameInMoreRuns(long products) => Assert.Equal(
        OfThreeLayers(CompensationMethod.LeastSquares, long.MaxValue).Outputs, OfThreeLayers(CompensationMethod.LeastSquares, products).Outputs);

    [Fact]
    public void Of_LayersThatAreTooWide_GivesThemMeansAndNamesThem()
    {
        var (solved, solvedOutputs) = OfThreeLayers(CompensationMethod.LeastSquares, 208);
        var (narrow, _) = OfThreeLayers(CompensationMethod.LeastSquares, 143);
        var (none, noneOutputs) = OfThreeLayers(CompensationMethod.LeastSquares, 63);
        var (means, meansOutputs) = OfThreeLayers(CompensationMethod.Bias, 63);
        Assert.Equal([[], ["1.weight"], ["1.weight", "2.weight"], []], [solved.TooWide, narrow.TooWide, none.TooWide, means.TooWide]);
        Assert.Equal(meansOutputs, noneOutputs);
        Assert.NotEqual(meansOutputs, solvedOutputs);
    }

    [Fact]
    public void Of_NoInputs_SaysSo()
    {
        var dependencies = Traced(TwoLayers());
        Assert.Contains("no calibration inputs", Assert.Throws<PruningException>(() =>
            InputCompensation.Of(dependencies, new(dependencies), [], CompensationMethod.Bias)).Message, StringComparison.Ordinal);
    }

    private static Sequential TwoLayers() => Filled(new Sequential(new Linear(5, Hidden), new Linear(Hidden, 3)));

    private static DependencyGraph Traced(Sequential model) => DependencyGraph.Of(GraphTracer.Trace(model, new TraceInput("x", Floats([40, 5], 2))));

    private static (InputCompensation Compensation, float[] Outputs) OfThreeLayers(CompensationMethod method, long products)
    {
        var model = Filled(new Sequential(new Linear(5, 12), new Linear(12, 8), new Linear(8, 3)));
        Tensor[] inputs = [Floats([40, 5], 2)];
        var dependencies = Traced(model);
        var removal = new Removal(dependencies);
        foreach (var group in dependencies.Groups)
            removal.Remove(group, [1, 4]);
        var compensation = InputCompensation.Within(products, dependencies, removal, [inputs], method, 1e-3, addsBiases: false);
        var (smaller, _) = PruningSurgeon.Apply(dependencies, removal, inputs);
        compensation.Apply(smaller);
        return (compensation, model.Forward(inputs[0]).ToArray<float>());
    }

    private static (float[] Before, float[] After) Compensated(Sequential model, int[] removed, CompensationMethod? method, double ridge = 1e-3)
    {
        Tensor[] inputs = [Floats([40, 5], 2)];
        var dependencies = Traced(model);
        var before = model.Forward(inputs[0]).ToArray<float>();
        var removal = new Removal(dependencies);
        removal.Remove(Assert.Single(dependencies.Groups), removed);
        var compensation = method is { } chosen ? InputCompensation.Of(dependencies, removal, [inputs], chosen, ridge) : null;
        var (smaller, _) = PruningSurgeon.Apply(dependencies, removal, inputs);
        compensation?.Apply(smaller);
        return (before, model.Forward(inputs[0]).ToArray<float>());
    }
}
