using System.Numerics;

namespace Coppice.Tensors.Kernels;

/// <summary>Work on elements of a type that is known only when it runs.</summary>
internal interface INumberAction
{
    void Run<T>() where T : unmanaged, INumber<T>, IMinMaxValue<T>;
}

/// <summary>Calls an action with the .NET type of a tensor's elements.</summary>
internal static class NumberTypes
{
    /// <summary>Whether elements are numbers that .NET can compute with.</summary>
    public static bool Has(DType dtype) => dtype is DType.F32 or DType.F64 or DType.F16 or DType.I64 or DType.I32 or DType.I16 or DType.I8
        or DType.U64 or DType.U32 or DType.U16 or DType.U8;

    /// <summary>Runs the action; truth values are bytes.</summary>
    public static void Run<TAction>(DType dtype, TAction action) where TAction : INumberAction
    {
        switch (dtype)
        {
            case DType.F32: action.Run<float>(); break;
            case DType.F64: action.Run<double>(); break;
            case DType.F16: action.Run<Half>(); break;
            case DType.I64: action.Run<long>(); break;
            case DType.I32: action.Run<int>(); break;
            case DType.I16: action.Run<short>(); break;
            case DType.I8: action.Run<sbyte>(); break;
            case DType.U64: action.Run<ulong>(); break;
            case DType.U32: action.Run<uint>(); break;
            case DType.U16: action.Run<ushort>(); break;
            case DType.U8 or DType.Bool: action.Run<byte>(); break;
            default: throw new NotSupportedException($"There is no arithmetic on {dtype}; Cast to F32 first.");
        }
    }
}
