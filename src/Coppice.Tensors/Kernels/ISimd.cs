using System.Runtime.Intrinsics;

namespace Coppice.Tensors.Kernels;

/// <summary>Float lanes of one register width, so that a kernel is written once and compiled for each.</summary>
/// <typeparam name="V">The register, such as <see cref="Vector256{T}"/> of float.</typeparam>
internal unsafe interface ISimd<V> where V : unmanaged
{
    /// <summary>Floats in a register.</summary>
    static abstract int Count { get; }

    /// <summary>Every lane at <paramref name="value"/>.</summary>
    static abstract V Create(float value);

    /// <summary>The floats from an address on; no alignment needed.</summary>
    static abstract V Load(float* source);

    /// <summary>Writes the lanes to an address; no alignment needed.</summary>
    static abstract void Store(V value, float* target);

    /// <summary>Half of the lanes from each of two addresses.</summary>
    static abstract V LoadHalves(float* low, float* high);

    /// <summary>Writes half of the lanes to each of two addresses.</summary>
    static abstract void StoreHalves(V value, float* low, float* high);

    /// <summary>Every second lane from the first on: of <paramref name="a"/>, then of <paramref name="b"/>.</summary>
    static abstract V Evens(V a, V b);

    /// <summary>Every second lane from the second on: of <paramref name="a"/>, then of <paramref name="b"/>.</summary>
    static abstract V Odds(V a, V b);

    /// <summary>Lanes in turn from the first half of each: what <see cref="Evens"/> and <see cref="Odds"/> took apart.</summary>
    static abstract V ZipLow(V even, V odd);

    /// <summary>Lanes in turn from the second half of each.</summary>
    static abstract V ZipHigh(V even, V odd);

    /// <summary><c>a + b</c>.</summary>
    static abstract V Add(V a, V b);

    /// <summary><c>a - b</c>.</summary>
    static abstract V Subtract(V a, V b);

    /// <summary><c>a * b</c>.</summary>
    static abstract V Multiply(V a, V b);

    /// <summary><c>a / b</c>.</summary>
    static abstract V Divide(V a, V b);

    /// <summary><c>a * b + c</c>, with one rounding where the machine has it.</summary>
    static abstract V MultiplyAdd(V a, V b, V c);

    /// <summary>The larger; <paramref name="b"/> where either is NaN on x86, so put the value that may be NaN second.</summary>
    static abstract V Max(V a, V b);

    /// <summary>The smaller; NaN as in <see cref="Max"/>.</summary>
    static abstract V Min(V a, V b);

    /// <summary>Without sign.</summary>
    static abstract V Abs(V value);

    /// <summary>The square root.</summary>
    static abstract V Sqrt(V value);

    /// <summary>The magnitude of one under the sign of the other.</summary>
    static abstract V CopySign(V magnitude, V sign);

    /// <summary>To the nearest integer, halves to even.</summary>
    static abstract V Round(V value);

    /// <summary><c>value * 2^exponent</c> for whole exponents in -252..254, rounded once, also into denormals and infinity.</summary>
    static abstract V Scale(V value, V exponent);

    /// <summary><paramref name="less"/> in the lanes where <c>a &lt; b</c>, else <paramref name="otherwise"/>.</summary>
    static abstract V SelectLess(V a, V b, V less, V otherwise);

    /// <summary>The lanes added up.</summary>
    static abstract float Sum(V value);

    /// <summary>The lanes of four registers added up.</summary>
    static abstract Vector128<float> Sums(V a, V b, V c, V d);
}
