namespace Coppice.Tensors.Kernels.Reference;

/// <summary>BF16 as defined: the nearest float whose lower 16 bits are zero, at equal distance the one with an even last bit.</summary>
internal static class BFloat16Reference
{
    /// <summary>The bits of the nearest BF16.</summary>
    public static ushort FromSingle(float value)
    {
        var below = (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16); // nearer to zero
        if (float.IsNaN(value))
            return (ushort)(below | 0x40);
        if (!float.IsFinite(value))
            return below;
        var above = (ushort)(below + 1);
        var (low, exact, high) = (Magnitude(below), Math.Abs((double)value), Magnitude(above));
        return exact - low < high - exact || (exact - low == high - exact && below % 2 == 0) ? below : above;
    }

    /// <summary>The value of BF16 bits.</summary>
    public static float ToSingle(ushort bits) => BitConverter.UInt32BitsToSingle((uint)bits << 16);

    // Infinity counts as the number that would follow the largest finite one.
    private static double Magnitude(ushort bits) =>
        float.IsFinite(ToSingle(bits)) ? Math.Abs((double)ToSingle(bits)) : Math.Pow(2, 128);
}
