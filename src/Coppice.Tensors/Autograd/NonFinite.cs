using System.Numerics.Tensors;
using Coppice.Tensors.Ops;

namespace Coppice.Tensors.Autograd;

/// <summary>Finds where a training run first goes wrong.</summary>
internal static class NonFinite
{
    /// <summary>Throws where an F32 tensor holds NaN or an infinity.</summary>
    public static void Refuse(Tensor tensor, Op op, ReadOnlySpan<Tensor> inputs, string what)
    {
        if (tensor.DType != DType.F32)
            return;
        var values = Op.RowMajor(tensor);
        if (!TensorPrimitives.IsFiniteAll(values.AsReadOnlySpan<float>()))
            throw new OpException(
                $"{op.Name}({string.Join(", ", (object[])inputs.ToArray())}): {what}, {tensor}, holds NaN or an infinity. Lower "
                + "the learning rate, clip gradients, or look at the inputs.");
        GC.KeepAlive(values);
    }
}
