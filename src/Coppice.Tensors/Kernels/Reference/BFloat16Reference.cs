namespace Coppice.Tensors.Kernels.Reference;

/// <summary>BF16 as defined: the float whose lower 16 bits are zero that lies nearest, at equal distance the one with an even last bit.</summary>
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
        // The neighbour beyond the largest finite BF16 counts as 2^128 in the comparison, then becomes infinity.
        var above = (ushort)(below + 1);
        var (low, high) = (Math.Abs((double)ToSingle(below)), float.IsFinite(ToSingle(above)) ? Math.Abs((double)ToSingle(above)) : Math.Pow(2, 128));
        var (down, up) = (Math.Abs((double)value) - low, high - Math.Abs((double)value));
        return down < up || (down == up && below % 2 == 0) ? below : above;
    }

    /// <summary>The value of BF16 bits.</summary>
    public static float ToSingle(ushort bits) => BitConverter.UInt32BitsToSingle((uint)bits << 16);
}
