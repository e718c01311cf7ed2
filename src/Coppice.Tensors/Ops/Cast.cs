using System.Numerics;
using Coppice.Tensors.Kernels;

namespace Coppice.Tensors.Ops;

/// <summary>Converts between number types and Bool: [...] -> [...].</summary>
/// <remarks>
/// Floats are rounded to nearest with halves to even; F64 becomes F16 or BF16 by way of F32, as in torch. Floats become whole numbers by
/// dropping the fraction, the nearest bound standing for what is out of range and 0 for NaN; whole numbers keep their low bits. Bool is
/// whether a number is other than 0.
/// </remarks>
public sealed record Cast(DType To) : Op
{
    /// <inheritdoc/>
    public override string? NoGradient => To.IsFloatingPoint() ? null : "a whole number only jumps, it never changes smoothly";

    /// <inheritdoc/>
    public override TensorSpec[] Infer(ReadOnlySpan<TensorSpec> inputs) =>
        inputs.Length == 1 && CanCast(inputs[0].DType) && CanCast(To)
            ? [inputs[0] with { DType = To }]
            : throw Mismatch($"one tensor of numbers or Bool is expected, and {To} to be such a type.", inputs);

    /// <inheritdoc/>
    public override void Forward(ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs)
    {
        var (x, y) = (RowMajor(inputs[0]), outputs[0]);
        if (FloatConversion.Supports(x.DType) && FloatConversion.Supports(To))
            ConvertFloats(x, y);
        else if (x.DType == DType.BF16) // .NET has no arithmetic on BF16
            Forward([x.Cast(DType.F32)], outputs);
        else if (To == DType.BF16)
            ConvertFloats(x.Cast(DType.F32), y);
        else
            NumberTypes.Run(x.DType, new From(x, y));
        GC.KeepAlive(x);
    }

    /// <inheritdoc/>
    public override Tensor?[] Backward(
        ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs, ReadOnlySpan<Tensor?> outputGradients) =>
        [inputs[0].DType.IsFloatingPoint() ? outputGradients[0]!.Cast(inputs[0].DType) : null];

    private static bool CanCast(DType dtype) => NumberTypes.Has(dtype) || dtype is DType.BF16 or DType.Bool;

    private static unsafe void ConvertFloats(Tensor x, Tensor y)
    {
        var (from, size, newSize, count) = (x.DType, x.DType.ByteSize(), y.DType.ByteSize(), x.Count);
        byte* source = x.Storage.Pointer + x.Offset * size, target = y.Storage.Pointer + y.Offset * newSize;
        Workers.For(Elementwise.Chunks(count), chunk =>
        {
            var start = (long)chunk * Elementwise.Chunk;
            var length = (int)Math.Min(Elementwise.Chunk, count - start);
            FloatConversion.Convert(
                from, new(source + start * size, length * size), y.DType, new(target + start * newSize, length * newSize));
        });
        GC.KeepAlive(x);
    }

    private readonly struct From(Tensor x, Tensor y) : INumberAction
    {
        public void Run<T>() where T : unmanaged, INumber<T>, IMinMaxValue<T> => NumberTypes.Run(y.DType, new Into<T>(x, y));
    }

    private readonly unsafe struct Into<TFrom>(Tensor x, Tensor y) : INumberAction where TFrom : unmanaged, INumber<TFrom>, IMinMaxValue<TFrom>
    {
        public void Run<T>() where T : unmanaged, INumber<T>, IMinMaxValue<T>
        {
            TFrom* source = x.Pointer<TFrom>();
            T* target = y.Pointer<T>();
            var (count, toBool) = (x.Count, y.DType == DType.Bool);
            var fromFloat = x.DType.IsFloatingPoint();
            for (var i = 0L; i < count; i++)
                target[i] = toBool ? (TFrom.IsZero(source[i]) ? T.Zero : T.One)
                    : fromFloat ? T.CreateSaturating(source[i]) : T.CreateTruncating(source[i]);
        }
    }
}
