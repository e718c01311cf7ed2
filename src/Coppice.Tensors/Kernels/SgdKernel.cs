using System.Runtime.CompilerServices;

namespace Coppice.Tensors.Kernels;

/// <summary>One step of SGD; see <see cref="OptimizerKernels.Sgd"/>.</summary>
internal readonly unsafe struct SgdKernel(float* values, float* gradient, float* velocity, float* mask, long count, SgdSettings settings)
    : ISimdKernel
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Run<S, V>(int chunk) where S : ISimd<V> where V : unmanaged
    {
        V decay = S.Create(settings.WeightDecay), momentum = S.Create(settings.Momentum), rate = S.Create(-settings.LearningRate);
        V zero = S.Create(0f);
        var start = (long)chunk * Elementwise.Chunk;
        var end = Math.Min(count, start + Elementwise.Chunk);
        for (var i = start; i < end; i += S.Count)
        {
            var lanes = (int)Math.Min(S.Count, end - i);
            V p = Lanes.Load<S, V>(values + i, lanes), kept = p, g = S.MultiplyAdd(decay, p, Lanes.Load<S, V>(gradient + i, lanes));
            var v = g;
            if (velocity != null)
            {
                v = S.MultiplyAdd(momentum, Lanes.Load<S, V>(velocity + i, lanes), g);
                g = settings.Nesterov ? S.MultiplyAdd(momentum, v, g) : v;
            }
            p = S.MultiplyAdd(rate, g, p);
            if (mask != null)
            {
                var m = Lanes.Load<S, V>(mask + i, lanes);
                (p, v) = (S.SelectLess(zero, m, p, kept), S.SelectLess(zero, m, v, zero));
            }
            Lanes.Store<S, V>(p, values + i, lanes);
            if (velocity != null)
                Lanes.Store<S, V>(v, velocity + i, lanes);
        }
    }
}
