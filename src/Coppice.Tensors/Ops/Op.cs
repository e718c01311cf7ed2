using System.Text;
using Coppice.Tensors.Autograd;
using Coppice.Tensors.Tracing;

namespace Coppice.Tensors.Ops;

/// <summary>One kind of computation with its attributes: an immutable record that checks shapes, computes, and (in training) differentiates.</summary>
/// <remarks>Every tensor computation goes through <see cref="Apply"/>, so that a <see cref="TraceScope"/> sees all of it, gradients or not.</remarks>
public abstract record Op
{
    /// <summary>Name for messages and graphs.</summary>
    public virtual string Name => GetType().Name;

    /// <summary>Types and shapes of the outputs.</summary>
    /// <exception cref="OpException">The inputs do not fit the op.</exception>
    public abstract TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs);

    /// <summary>Computes into outputs that <see cref="Infer"/> sized; they are contiguous and do not overlap the inputs.</summary>
    public abstract void Forward(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs);

    /// <summary>Why the op has no gradient, or null where it has one.</summary>
    public virtual string? NoGradient => null;

    /// <summary>The gradient of a loss to each input, from its gradient to the outputs; null where none flows, as into integers.</summary>
    /// <remarks>A <see cref="Tape"/> calls this and is paused meanwhile. Gradients have their input's shape and may be views.</remarks>
    /// <param name="inputs">What <see cref="Forward"/> read.</param>
    /// <param name="outputs">What it wrote.</param>
    /// <param name="outputGradients">One for each output, null where the loss does not depend on it; at least one is given.</param>
    /// <exception cref="NotSupportedException">The op has no gradient; the message says why.</exception>
    public virtual Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients) =>
        throw new NotSupportedException($"{Name} has no gradient: {NoGradient}.");

    /// <summary>Checks, allocates, computes and reports to the active trace and tape.</summary>
    /// <exception cref="OpException">The inputs do not fit the op; the message names op and shapes.</exception>
    /// <exception cref="OperationCanceledException">The token of the thread's <see cref="Interruption"/> is cancelled.</exception>
    public static Tensor[] Apply(Op op, params ReadOnlySpan<Tensor> inputs)
    {
        Interruption.Check();
        var outputs = op.Run(inputs);
        foreach (var input in inputs)
            GC.KeepAlive(input); // kernels hold bare pointers
        TraceScope.Current?.Record(op, inputs, outputs);
        Tape.Current?.Record(op, inputs, outputs);
        return outputs;
    }

    /// <summary><see cref="Apply"/> for an op with one output.</summary>
    public static Tensor ApplySingle(Op op, params ReadOnlySpan<Tensor> inputs) => Apply(op, inputs)[0];

    /// <summary>How outputs come to be: computed into new memory. Ops that return views of their input override this.</summary>
    protected virtual Tensor[] Run(ReadOnlySpan<Tensor> inputs)
    {
        var specs = Infer(SpecsOf(inputs));
        var outputs = new Tensor[specs.Length];
        for (var i = 0; i < specs.Length; i++)
            outputs[i] = Tensor.Empty(specs[i].Shape, specs[i].DType);
        Forward(inputs, outputs);
        return outputs;
    }

    /// <summary>Writes the attributes into the op's text form; <see cref="Name"/> and <see cref="NoGradient"/> are not among them.</summary>
    protected virtual bool PrintMembers(StringBuilder builder) => false;

    /// <summary>The tensor itself, or a row-major copy of a strided view. The copy is part of the op: a trace does not see it.</summary>
    internal static Tensor RowMajor(Tensor tensor)
    {
        if (tensor.IsContiguous)
            return tensor;
        var copy = Tensor.Empty(tensor.Shape, tensor.DType);
        new Contiguous().Forward([tensor], [copy]);
        return copy;
    }

    /// <summary>Types and shapes of tensors.</summary>
    protected static TensorSpec[] SpecsOf(ReadOnlySpan<Tensor> tensors)
    {
        var specs = new TensorSpec[tensors.Length];
        for (var i = 0; i < tensors.Length; i++)
            specs[i] = new(tensors[i].DType, tensors[i].Shape);
        return specs;
    }

    /// <summary>The error of an op whose inputs do not fit, naming op and shapes.</summary>
    protected OpException Mismatch(string why, ReadOnlySpan<TensorSpec> inputs) =>
        new($"{Name}({string.Join(", ", inputs.ToArray())}): {why}");
}
