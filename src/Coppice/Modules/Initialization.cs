using Coppice.Tensors;

namespace Coppice.Modules;

/// <summary>Random weights to begin training with.</summary>
public static class Initialization
{
    /// <summary>
    /// Draws the weights and biases of every convolution and linear layer uniformly from <c>[-b, b)</c> with <c>b = 1 / sqrt(fan in)</c>: the
    /// initialisation of He et al. (2015) with slope sqrt(5), which is the default of torch.nn.
    /// </summary>
    /// <remarks>Layers are drawn in the module's order, each weight before its bias; all others are left as they are.</remarks>
    /// <param name="module">What to initialise.</param>
    /// <param name="random">Where the draws come from.</param>
    public static void KaimingUniform(Module module, RandomSource random)
    {
        foreach (var (_, layer) in module.NamedModules())
            if (layer is Linear or Conv2d)
                Draw(layer, random);
    }

    private static void Draw(Module layer, RandomSource random)
    {
        var weight = layer.Parameter("weight");
        var bound = 1 / Math.Sqrt((double)weight.Shape.Count / weight.Shape[0]);
        foreach (var name in new[] { "weight", "bias" })
            if (layer.Parameters.TryGetValue(name, out var parameter))
                foreach (ref var value in parameter.Data.AsSpan<float>())
                    value = (float)((2 * random.NextSingle() - 1) * bound);
    }
}
