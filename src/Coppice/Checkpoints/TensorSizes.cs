using Coppice.Tensors;

namespace Coppice.Checkpoints;

/// <summary>Turns sizes read from a file into a shape, trusting none of them.</summary>
internal static class TensorSizes
{
    /// <summary>False where a size is negative or over 2^31-1, the bytes exceed 2^63-1, or packed elements do not fill whole
    /// bytes.</summary>
    public static bool TryCreate(IReadOnlyList<long> sizes, DType dtype, out Shape shape, out long byteLength)
    {
        (shape, byteLength) = (default, 0);
        Int128 bits = dtype.BitSize();
        foreach (var size in sizes)
        {
            if (size is < 0 or > int.MaxValue)
                return false;
            bits *= size;
            if (bits / 8 > long.MaxValue / 8) // Shape.Count times bits has to stay within 63 bits
                return false;
        }
        if (bits % 8 != 0)
            return false;
        shape = Shape.Create([.. sizes.Select(size => (int)size)]);
        byteLength = (long)(bits / 8);
        return true;
    }
}
