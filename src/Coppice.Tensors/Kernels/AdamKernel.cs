using System.Runtime.CompilerServices;

namespace Coppice.Tensors.Kernels;

/// <summary>One step of Adam; see <see cref="OptimizerKernels.Adam"/>.</summary>
internal readonly unsafe struct AdamKernel(
    float* values, float* gradient, float* mean, float* square, float* mask, long count, AdamSettings settings) : ISimdKernel
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run<S, V>(int chunk) where S : ISimd<V> where V : unmanaged
    {
        V beta1 = S.Create(settings.Beta1), rest1 = S.Create(1 - settings.Beta1), zero = S.Create(0f);
        V beta2 = S.Create(settings.Beta2), rest2 = S.Create(1 - settings.Beta2);
        var start = (long)chunk * Elementwise.Chunk;
        var end = Math.Min(count, start + Elementwise.Chunk);
        for (var i = start; i < end; i += S.Count)
        {
            var lanes = (int)Math.Min(S.Count, end - i);
            V old = Lanes.Load<S, V>(values + i, lanes), g = Lanes.Load<S, V>(gradient + i, lanes);
            g = S.MultiplyAdd(S.Create(settings.L2Penalty), old, g);
            var m = S.MultiplyAdd(beta1, Lanes.Load<S, V>(mean + i, lanes), S.Multiply(rest1, g));
            var v = S.MultiplyAdd(beta2, Lanes.Load<S, V>(square + i, lanes), S.Multiply(rest2, S.Multiply(g, g)));
            var denominator = S.Add(S.Divide(S.Sqrt(v), S.Create(settings.Correction)), S.Create(settings.Epsilon));
            var step = S.Divide(S.Multiply(S.Create(settings.StepSize), m), denominator);
            var p = S.Subtract(S.Multiply(old, S.Create(settings.Shrink)), step);
            if (mask != null)
            {
                var at = Lanes.Load<S, V>(mask + i, lanes);
                (p, m, v) = (S.SelectLess(zero, at, p, old), S.SelectLess(zero, at, m, zero), S.SelectLess(zero, at, v, zero));
            }
            Lanes.Store<S, V>(p, values + i, lanes);
            Lanes.Store<S, V>(m, mean + i, lanes);
            Lanes.Store<S, V>(v, square + i, lanes);
        }
    }
}
