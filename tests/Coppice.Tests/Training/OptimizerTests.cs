using Coppice.Modules;
using Coppice.Tensors;
using Coppice.Tensors.Autograd;
using Coppice.Training;

namespace Coppice.Tests.Training;

public sealed class OptimizerTests
{
    private const int Size = 19; // one whole register and a rest, whatever the machine

    public static TheoryData<string> Names => ["sgd", "adam", "adamw"];

    [Theory]
    [MemberData(nameof(Names))]
    public void Step_MaskedEntries_NeverChange(string name)
    {
        var layer = NewLayer();
        var before = layer.Parameter("weight").Data.ToArray<float>();
        var mask = Tensor.From<float>([.. Enumerable.Range(0, Size * Size).Select(i => i % 3 == 0 ? 0f : 1f)], [Size, Size]);
        layer.Parameter("weight").SetMask(mask);
        var optimizer = Create(name, layer);
        for (var step = 0; step < 3; step++)
            Train(layer, optimizer);
        var after = layer.Parameter("weight").Data.ToArray<float>();
        var value = layer.Parameter("weight").Value.ToArray<float>();
        for (var i = 0; i < before.Length; i++)
        {
            Assert.Equal(i % 3 == 0, before[i] == after[i]);
            Assert.True(i % 3 != 0 || BitConverter.SingleToInt32Bits(value[i]) == 0);
        }
    }

    [Fact]
    public void Step_MaskPutInForceDuringTraining_ClearsTheState()
    {
        var layer = NewLayer();
        var optimizer = Create("sgd", layer);
        Train(layer, optimizer);
        layer.Parameter("weight").SetMask(Tensor.Zeros([Size, Size]));
        Train(layer, optimizer);
        layer.Parameter("weight").ClearMask();
        var before = layer.Parameter("weight").Data.ToArray<float>();
        layer.Parameter("bias").RequiresGradient = false;
        using (var tape = new Tape())
            tape.Backward(layer.Forward(Tensor.Zeros([1, Size])).Reshape(Size).Sum());
        optimizer.Step();
        // No input, so no gradient; with its velocity gone the weight is decayed alone.
        Assert.Equal(before.Select(x => MathF.FusedMultiplyAdd(-0.1f, 0.5f * x, x)), layer.Parameter("weight").Data.ToArray<float>());
    }

    [Fact]
    public void Gradient_OfAMaskedParameter_IsZeroUnderTheMaskAndAddsUp()
    {
        var layer = NewLayer();
        layer.Parameter("weight").SetMask(Tensor.From<float>([.. Enumerable.Range(0, Size * Size).Select(i => i % 2f)], [Size, Size]));
        for (var pass = 1; pass <= 2; pass++)
        {
            using (var tape = new Tape())
                tape.Backward(layer.Forward(Tensor.Full([1, Size], 1)).Reshape(Size).Sum());
            Assert.Equal(Enumerable.Range(0, Size * Size).Select(i => i % 2f * pass), layer.Parameter("weight").Gradient!.ToArray<float>());
        }
        layer.Parameter("weight").ZeroGradient();
        Assert.Null(layer.Parameter("weight").Gradient);
    }

    [Fact]
    public void Step_Groups_TheFirstMatchCounts()
    {
        var layer = new Sequential(NewLayer(), NewLayer());
        var optimizer = new Sgd(layer, 0.5, groups: [new("0.bias", 0), new("*.bias", 0.25)]);
        var before = layer.NamedParameters().ToDictionary(entry => entry.Name, entry => entry.Parameter.Data.ToArray<float>());
        using (var tape = new Tape())
            tape.Backward(layer.Forward(Tensor.Full([1, Size], 1)).Reshape(Size).Sum());
        optimizer.LearningRateFactor = 2;
        optimizer.Step();
        var after = layer.NamedParameters().ToDictionary(entry => entry.Name, entry => entry.Parameter.Data.ToArray<float>());
        Assert.Equal(before["0.bias"], after["0.bias"]);
        Assert.NotEqual(before["0.weight"], after["0.weight"]);
        Assert.Equal(before["1.bias"].Select(x => x - 0.5f), after["1.bias"]);
    }

    [Fact]
    public void Step_FrozenParameter_StaysAndGetsNoGradient()
    {
        var layer = NewLayer();
        layer.Parameter("weight").RequiresGradient = false;
        var before = layer.Parameter("weight").Data.ToArray<float>();
        Train(layer, Create("adamw", layer));
        Assert.Null(layer.Parameter("weight").Gradient);
        Assert.Equal(before, layer.Parameter("weight").Data.ToArray<float>());
    }

    [Fact]
    public void ClipGradientNorm_BelowTheMaximum_ChangesNothing()
    {
        var layer = NewLayer();
        using (var tape = new Tape())
            tape.Backward(layer.Forward(Tensor.Full([1, Size], 1)).Reshape(Size).Sum());
        var before = layer.Parameter("weight").Gradient!.ToArray<float>();
        Assert.Equal(Math.Sqrt(Size * Size + Size), new Sgd(layer, 1).ClipGradientNorm(1000), 1e-6);
        Assert.Equal(before, layer.Parameter("weight").Gradient!.ToArray<float>());
        Assert.Throws<ArgumentOutOfRangeException>(() => new Sgd(layer, 1).ClipGradientNorm(0));
    }

    [Fact]
    public void Optimizer_BadRatesAndGroups_AreNamed()
    {
        Assert.Contains("'nothing*'", Assert.Throws<ArgumentException>(() => new Sgd(NewLayer(), 1, groups: [new("nothing*", 1)])).Message);
        Assert.Contains("learning rate of 'weight'", Assert.Throws<ArgumentException>(() => new Adam(NewLayer(), -1)).Message);
        Assert.Contains("weight decay of 'weight'", Assert.Throws<ArgumentException>(() => new AdamW(NewLayer(), 1, double.NaN)).Message);
    }

    private static void Train(Linear layer, Optimizer optimizer)
    {
        using (var tape = new Tape())
            tape.Backward(layer.Forward(Tensor.Full([2, Size], 1)).MeanSquaredError(Tensor.Full([2, Size], 3)));
        optimizer.Step();
        optimizer.ZeroGradients();
    }

    private static Optimizer Create(string name, Module module) => name switch
    {
        "sgd" => new Sgd(module, 0.1, 0.5) { Momentum = 0.9 },
        "adam" => new Adam(module, 0.1, 0.5),
        _ => new AdamW(module, 0.1, 0.5),
    };

    private static Linear NewLayer()
    {
        var random = new RandomSource(5);
        float[] Draw(int count) => [.. Enumerable.Range(0, count).Select(_ => random.NextSingle() + 0.5f)];
        return new(
            new Parameter(Tensor.From<float>(Draw(Size * Size), [Size, Size])), new Parameter(Tensor.From<float>(Draw(Size), [Size])));
    }
}
