using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Graphs;

/// <summary>A tensor of a graph: one of its inputs, parameters, buffers or constants, or what a node computes.</summary>
public abstract class Value
{
    private protected Value(DType dtype, Shape[] samples, IReadOnlyList<SymbolicDim> dims) =>
        (DType, Samples, Dims) = (dtype, samples, dims);

    /// <summary>Its number in <see cref="Graph.Values"/>.</summary>
    public int Id { get; internal set; }

    /// <summary>What the graph's text calls it.</summary>
    public abstract string Name { get; }

    /// <summary>Element type.</summary>
    public DType DType { get; }

    /// <summary>Axis sizes, outermost first, as they follow from the inputs'; <see cref="SymbolicDim.Unknown"/> where that is not told.</summary>
    public IReadOnlyList<SymbolicDim> Dims { get; }

    /// <summary>Axis sizes when the graph was made, at the sample sizes of its inputs.</summary>
    public Shape SampleShape => Samples[0];

    /// <summary>Axis sizes at each of the graph's <see cref="SampleSizes"/>.</summary>
    internal Shape[] Samples { get; }

    /// <summary>Form for people: <c>%7 F32 [batch, 64]</c>.</summary>
    public override string ToString() => $"{Name} {DType} [{string.Join(", ", Dims)}]";
}

/// <summary>A tensor that the caller gives.</summary>
public sealed class InputValue : Value
{
    internal InputValue(string name, DType dtype, Shape[] samples, IReadOnlyList<SymbolicDim> dims) : base(dtype, samples, dims) => Name = name;

    /// <inheritdoc/>
    public override string Name { get; }
}

/// <summary>A tensor that is there before the graph runs.</summary>
public abstract class StoredValue : Value
{
    private protected StoredValue(Tensor tensor, int samples)
        : base(tensor.DType, [.. Enumerable.Repeat(tensor.Shape, samples)], [.. tensor.Shape.Select(SymbolicDim.FromInt32)])
    {
    }

    /// <summary>The tensor as it is now.</summary>
    public abstract Tensor Tensor { get; }
}

/// <summary>A parameter, known by identity: masks, training and new values that come after the graph was made act in it.</summary>
public sealed class ParameterValue : StoredValue
{
    internal ParameterValue(string name, Parameter parameter, int samples) : base(parameter.Data, samples) => (Name, Parameter) = (name, parameter);

    /// <summary>The parameter's full name, the first of its names where weights are tied.</summary>
    public override string Name { get; }

    /// <summary>The parameter.</summary>
    public Parameter Parameter { get; }

    /// <summary><see cref="Parameter.Value"/>: masked where there is a mask, and watched by an open tape.</summary>
    public override Tensor Tensor => Parameter.Value;
}

/// <summary>A buffer of a module, looked up by name whenever the graph runs.</summary>
public sealed class BufferValue : StoredValue
{
    internal BufferValue(string name, Module owner, string key, int samples) : base(owner.Buffers[key], samples) =>
        (Name, Owner, Key) = (name, owner, key);

    /// <summary>The buffer's full name.</summary>
    public override string Name { get; }

    /// <inheritdoc/>
    public override Tensor Tensor => Owner.Buffers[Key];

    internal Module Owner { get; }

    internal string Key { get; }
}

/// <summary>A tensor that is part of the graph and always the same.</summary>
public sealed class ConstantValue : StoredValue
{
    internal ConstantValue(Tensor tensor, int samples) : base(tensor, samples) => Tensor = tensor;

    /// <inheritdoc/>
    public override string Name => $"constant{Id}";

    /// <inheritdoc/>
    public override Tensor Tensor { get; }
}

/// <summary>An output of a node.</summary>
public sealed class NodeValue : Value
{
    internal NodeValue(DType dtype, Shape[] samples, IReadOnlyList<SymbolicDim> dims) : base(dtype, samples, dims)
    {
    }

    /// <inheritdoc/>
    public override string Name => $"%{Id}";

    /// <summary>The node that computes it.</summary>
    public Node Producer { get; internal set; } = null!;
}
