using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Coppice.Tensors.Kernels;

/// <summary>What becomes of a convolution's sums on their way out: <c>y = clamp(sum + bias[o] + addend)</c>; NaN stays NaN.</summary>
internal readonly unsafe struct ConvFinish
{
    private readonly float* _bias;
    private readonly bool _adds;
    private readonly nint _addend;
    private readonly float _minimum;
    private readonly float _maximum;

    /// <param name="bias">[O], or null.</param>
    /// <param name="y">The outputs.</param>
    /// <param name="addend">What is added to them, in the same order and other memory, or null.</param>
    /// <param name="minimum">The smallest output.</param>
    /// <param name="maximum">The largest; it wins.</param>
    public ConvFinish(float* bias, float* y, float* addend, float minimum, float maximum)
    {
        (_adds, _addend, _minimum, _maximum) = (addend != null, (nint)((byte*)addend - (byte*)y), minimum, maximum);
        _bias = bias;
    }

    /// <summary>Adds the bias, or nothing where it is null.</summary>
    public static ConvFinish Plain(float* bias) => new(bias, null, null, float.NegativeInfinity, float.PositiveInfinity);

    /// <summary>Whether sums are the outputs.</summary>
    public bool IsNothing => _bias == null && !_adds && float.IsNegativeInfinity(_minimum) && float.IsPositiveInfinity(_maximum);

    /// <summary>The bias of an output channel.</summary>
    public float Bias(int output) => _bias == null ? 0 : _bias[output];

    /// <summary>The limits and what is added, in registers of one kind.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Lanes<S, V> In<S, V>() where S : ISimd<V> where V : unmanaged => new(S.Create(_minimum), S.Create(_maximum), _adds, _addend);

    /// <summary>Fetches the place of the next outputs, and what is added to them: many short runs far apart.</summary>
    public void FetchNext(float* y, int rows, long distance, int width)
    {
        for (var row = 0; row < rows; row++, y += distance)
            for (var line = 0; line < width; line += Prefetch.LineLength)
            {
                Prefetch.LaterLine(y + line);
                if (_adds)
                    Prefetch.LaterLine((float*)((byte*)(y + line) + _addend));
            }
    }

    /// <summary>Finishes sums that lie in the outputs already: some rows, each of four runs of half a register.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Tile<S, V>(int output, int rows, in ApartColumns columns, nint distance) where S : struct, ISimd<V> where V : unmanaged
    {
        V minimum = S.Create(_minimum), maximum = S.Create(_maximum);
        float* c0 = columns.C0, c1 = columns.C1, c2 = columns.C2, c3 = columns.C3;
        var (adds, addend) = (_adds, _addend);
        for (var row = 0; row < rows; row++, c0 += distance, c1 += distance, c2 += distance, c3 += distance)
        {
            var bias = S.Create(Bias(output + row));
            V left = S.Add(S.LoadHalves(c0, c1), bias), right = S.Add(S.LoadHalves(c2, c3), bias);
            if (adds)
            {
                left = S.Add(left, S.LoadHalves((float*)((byte*)c0 + addend), (float*)((byte*)c1 + addend)));
                right = S.Add(right, S.LoadHalves((float*)((byte*)c2 + addend), (float*)((byte*)c3 + addend)));
            }
            S.StoreHalves(S.Min(maximum, S.Max(minimum, left)), c0, c1);
            S.StoreHalves(S.Min(maximum, S.Max(minimum, right)), c2, c3);
        }
    }

    /// <summary>Writes a run of outputs from sums that lie elsewhere. The last register overlaps the one before.</summary>
    public void Run(float* sums, float* y, int output, int length)
    {
        var bias = Bias(output);
        if (length >= 8 && Vector256.IsHardwareAccelerated)
            Run<Simd256, Vector256<float>>(sums, y, bias, length);
        else if (length >= 4)
            Run<Simd128, Vector128<float>>(sums, y, bias, length);
        else
            for (var i = 0; i < length; i++)
            {
                var sum = sums[i] + bias;
                if (_adds)
                    sum += *(float*)((byte*)(y + i) + _addend);
                y[i] = sum < _minimum ? _minimum : sum > _maximum ? _maximum : sum;
            }
    }

    private void Run<S, V>(float* sums, float* y, float bias, int length) where S : struct, ISimd<V> where V : unmanaged
    {
        var lanes = In<S, V>();
        var start = S.Create(bias);
        for (var i = 0; i < length; i += S.Count)
        {
            var at = Math.Min(i, length - S.Count);
            lanes.Store(S.Add(S.Load(sums + at), start), y + at);
        }
    }

    /// <summary>What is done to a register of sums that have their bias.</summary>
    public readonly struct Lanes<S, V>(V minimum, V maximum, bool adds, nint addend) where S : ISimd<V> where V : unmanaged
    {
        private readonly V _minimum = minimum, _maximum = maximum;
        private readonly nint _addend = addend;

        public readonly bool Adds = adds;

        /// <summary>What is added to an output.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public float* AddendOf(float* y) => (float*)((byte*)y + _addend);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public V Clamp(V sum) => S.Min(_maximum, S.Max(_minimum, sum));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Store(V sum, float* y)
        {
            if (Adds)
                sum = S.Add(sum, S.Load(AddendOf(y)));
            S.Store(Clamp(sum), y);
        }
    }
}
