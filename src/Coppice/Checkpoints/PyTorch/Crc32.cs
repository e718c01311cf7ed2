using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Coppice.Checkpoints.PyTorch;

/// <summary>The CRC-32 of zip archives (reflected polynomial 0xEDB88320), by parts that can be computed in any order and joined.</summary>
/// <remarks>
/// Vectorised by folding: Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction", Intel 2009.
/// Joined as zlib's crc32_combine does: appending n bytes multiplies by x^(8n) modulo the polynomial.
/// </remarks>
internal static class Crc32
{
    private const uint Polynomial = 0xEDB88320;
    private static readonly uint[] Table = [.. Enumerable.Range(0, 256).Select(i => Shift8((uint)i))];

    /// <summary>CRC of <paramref name="bytes"/>.</summary>
    public static uint Of(ReadOnlySpan<byte> bytes)
    {
        var state = ~0u;
        if (Pclmulqdq.IsSupported && bytes.Length >= 64)
        {
            var whole = bytes.Length & ~15;
            state = Fold(state, MemoryMarshal.Cast<byte, Vector128<ulong>>(bytes[..whole]));
            bytes = bytes[whole..];
        }
        return ~Scalar(state, bytes);
    }

    /// <summary>CRC of two pieces one after the other, from the CRC of each and the length of the second.</summary>
    public static uint Join(uint first, uint second, long secondLength) => Multiply(PowerOfX(8 * (ulong)secondLength), first) ^ second;

    internal static uint Scalar(uint state, ReadOnlySpan<byte> bytes)
    {
        foreach (var value in bytes)
            state = Table[(byte)(state ^ value)] ^ state >> 8;
        return state;
    }

    private static uint Fold(uint state, ReadOnlySpan<Vector128<ulong>> blocks)
    {
        var by64 = Vector128.Create(0x154442bd4UL, 0x1c6e41596UL); // x^(512+32), x^(512-32) mod P, reflected
        var by16 = Vector128.Create(0x1751997d0UL, 0x0ccaa009eUL); // x^(128+32), x^(128-32) mod P, reflected
        var (a, b, c, d) = (blocks[0] ^ Vector128.CreateScalar((ulong)state), blocks[1], blocks[2], blocks[3]);
        for (blocks = blocks[4..]; blocks.Length >= 4; blocks = blocks[4..])
        {
            a = Fold(a, by64) ^ blocks[0];
            b = Fold(b, by64) ^ blocks[1];
            c = Fold(c, by64) ^ blocks[2];
            d = Fold(d, by64) ^ blocks[3];
        }
        var rest = Fold(Fold(Fold(a, by16) ^ b, by16) ^ c, by16) ^ d;
        foreach (var block in blocks)
            rest = Fold(rest, by16) ^ block;
        Span<byte> last = stackalloc byte[16];
        rest.AsByte().CopyTo(last);
        return Scalar(0, last); // the 16 bytes have the same remainder as all that was folded into them
    }

    private static Vector128<ulong> Fold(Vector128<ulong> value, Vector128<ulong> factors) =>
        Pclmulqdq.CarrylessMultiply(value, factors, 0x00) ^ Pclmulqdq.CarrylessMultiply(value, factors, 0x11);

    private static uint Shift8(uint value)
    {
        for (var bit = 0; bit < 8; bit++)
            value = (value & 1) != 0 ? value >> 1 ^ Polynomial : value >> 1;
        return value;
    }

    /// <summary>Product modulo the polynomial; bit 31 is x^0.</summary>
    private static uint Multiply(uint left, uint right)
    {
        uint product = 0;
        for (var bit = 1u << 31; bit != 0; bit >>= 1)
        {
            if ((left & bit) != 0)
                product ^= right;
            right = (right & 1) != 0 ? right >> 1 ^ Polynomial : right >> 1;
        }
        return product;
    }

    private static uint PowerOfX(ulong exponent)
    {
        var (power, square) = (1u << 31, 1u << 30); // x^0, x^1
        for (; exponent != 0; exponent >>= 1)
        {
            if ((exponent & 1) != 0)
                power = Multiply(power, square);
            square = Multiply(square, square);
        }
        return power;
    }
}
