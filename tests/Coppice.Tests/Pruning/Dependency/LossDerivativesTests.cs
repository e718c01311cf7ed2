using Coppice.Data;
using Coppice.Modules;
using Coppice.Pruning.Dependency;
using Coppice.Tensors.Autograd;
using Coppice.Tests.Pruning.Callbacks;

namespace Coppice.Tests.Pruning.Dependency;

public sealed class LossDerivativesTests
{
    [Fact]
    public void Fisher_OfBatches_IsTheMeanSquareOfTheirGradients()
    {
        var model = SmallNet.Create();
        var weight = model.Find("3").Parameter("weight");
        var derivatives = LossDerivatives.Fisher(SmallNet.Task(model), SmallNet.Data(), 4);
        var gradients = SmallNet.Data().Batches(0).Take(4).Select(batch => GradientOf(model, weight, batch)).ToList();
        for (var i = 0; i < weight.Data.Count; i += 17)
        {
            Assert.Equal(gradients.Average(gradient => gradient[i]), derivatives.Gradient(weight)![i], 1e-5);
            Assert.Equal(gradients.Average(gradient => (double)gradient[i] * gradient[i]), derivatives.Curvature(weight)![i], 1e-5);
        }
    }

    /// <summary>Of a layer that the loss sees through a softmax the Hessian's diagonal is known; probes come near it in the mean.</summary>
    [Fact]
    public void Hessian_OfTheLastBias_IsTheSoftmaxVariance()
    {
        var model = SmallNet.Create();
        var bias = model.Find("7").Parameter("bias");
        var before = SmallNet.State(model);
        foreach (var (_, parameter) in model.NamedParameters())
            parameter.RequiresGradient = parameter == bias;
        var derivatives = LossDerivatives.Hessian(SmallNet.Task(model), SmallNet.Data(48), 1, probes: 64, seed: 1);
        Assert.Equal(before, SmallNet.State(model));
        var batch = SmallNet.Data(48).Batches(0).First();
        var softmax = SmallNet.Task(model).Forward(batch).Softmax().ToArray<float>().Chunk(3).ToList();
        for (var c = 0; c < 3; c++)
            Assert.Equal(softmax.Average(p => (double)p[c] * (1 - p[c])), derivatives.Curvature(bias)![c], 0.05);
    }

    private static float[] GradientOf(Sequential model, Parameter weight, TrainingBatch batch)
    {
        weight.ZeroGradient();
        using (var tape = new Tape())
            tape.Backward(SmallNet.Task(model).Forward(batch).CrossEntropy(batch.Targets));
        return weight.Gradient!.ToArray<float>();
    }
}
