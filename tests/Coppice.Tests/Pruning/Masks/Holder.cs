using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Tests.Pruning.Masks;

/// <summary>A module with given parameters, in the order given.</summary>
internal sealed class Holder : Module
{
    public Holder(params (string Name, Parameter Parameter)[] parameters)
    {
        foreach (var (name, parameter) in parameters)
            Register(name, parameter);
    }

    public Holder(Tensor weight) : this(("weight", new Parameter(weight)))
    {
    }

    public Parameter Weight => Parameter("weight");

    /// <summary>The mask in force as an array.</summary>
    public float[] Mask => Weight.Mask!.ToArray<float>();

    public void AddBuffer(string name, Tensor buffer) => RegisterBuffer(name, buffer);

    public void AddChild(string name, Module child) => Register(name, child);

    /// <summary>A module with a weight of normal-like random values, reproducible.</summary>
    public static Holder Random(int seed, params int[] shape) => new(RandomTensor(seed, shape));

    public static Tensor RandomTensor(int seed, params int[] shape)
    {
        var random = new Random(seed);
        var tensor = Tensor.Empty(Shape.Create(shape));
        foreach (ref var value in tensor.AsSpan<float>())
            value = (float)(random.NextDouble() + random.NextDouble() + random.NextDouble() - 1.5);
        return tensor;
    }
}
