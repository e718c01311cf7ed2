using System.Numerics.Tensors;
using Coppice.Pruning.Dependency;
using Coppice.Tensors.Kernels;
using Tensor = Coppice.Tensors.Tensor;

namespace Coppice.Pruning.Compensation;

/// <summary>Removed input channels of a layer as an affine function of those that stay: x(R) = A x(K) + a, with
/// A = C(R, K) (C(K, K) + ridge)^-1, C the second moments about the means, and a what is left of the means.</summary>
internal sealed class ChannelFit
{
    // Of products of channels, which are summed in F32.
    private const double Rounding = 1e-6;

    private readonly int[] _kept;
    private readonly int[] _removed;
    private readonly double[] _means;
    private readonly double[][] _together; // C(R, K) by rows of R; empty where A is 0
    private readonly Cholesky? _factor;

    /// <param name="moments">Of what the layer reads.</param>
    /// <param name="kept">Channels that stay, at least one.</param>
    /// <param name="hasConstant">Whether there is a place for a; else it is 0.</param>
    /// <param name="ridge">Share of the mean square of x(K); null for A = 0.</param>
    public ChannelFit(ChannelMoments moments, int[] kept, bool hasConstant, double? ridge)
    {
        _kept = kept;
        _removed = [.. Enumerable.Range(0, moments.Sums.Length).Except(kept)];
        _means = [.. moments.Sums.Select(sum => hasConstant ? sum / moments.Count : 0)];
        _factor = ridge is { } share ? Factored(moments, share) : null;
        _together = _factor is null ? [] : [.. _removed.Select(i => Row(moments, i))];
    }

    /// <summary>Whether A is not 0.</summary>
    public bool HasMixing => _factor is not null;

    /// <summary>The weight with W(R) A added on K, and W(R) a for each output, summed over the kernel.</summary>
    /// <param name="weight">Of two axes, or with those of a kernel behind.</param>
    /// <param name="inputAxis">Axis of the channels, 0 or 1.</param>
    /// <param name="outputAxis">The other.</param>
    public (float[] Weight, double[] Constants) Fold(Tensor weight, int inputAxis, int outputAxis)
    {
        var (before, outputs, inputs) = (weight.ToArray<float>(), weight.Shape[outputAxis], weight.Shape[inputAxis]);
        var (after, constants, kernel) = ((float[])before.Clone(), new double[outputs], before.Length / (outputs * inputs));
        Workers.For(outputs, output =>
        {
            for (var place = 0; place < kernel; place++)
            {
                double[] removed = [.. _removed.Select(channel => (double)before[IndexOf(output, channel, place)])];
                var added = Mixed(removed);
                constants[output] += removed.Zip(_removed, (w, channel) => w * _means[channel]).Sum()
                    - added.Zip(_kept, (w, channel) => w * _means[channel]).Sum();
                foreach (var (k, w) in added.Index())
                    after[IndexOf(output, _kept[k], place)] += (float)w;
            }
        });
        return (after, constants);

        int IndexOf(int output, int channel, int place) =>
            (inputAxis == 1 ? output * inputs + channel : channel * outputs + output) * kernel + place;
    }

    /// <summary>w A for weights of R; to solve for these takes less than to solve for A, which has as many rows as channels go.</summary>
    private double[] Mixed(double[] weights)
    {
        if (_factor is null)
            return [];
        var side = new double[_kept.Length];
        for (var r = 0; r < weights.Length; r++)
            TensorPrimitives.MultiplyAdd<double>(_together[r], weights[r], side, side);
        _factor.Solve(side);
        return side;
    }

    /// <summary>C(K, K) + ridge, factored; null where the inputs that stay never vary, so that nothing follows from them.</summary>
    private Cholesky? Factored(ChannelMoments moments, double ridge)
    {
        double[][] kept = [.. _kept.Select(i => Row(moments, i))];
        var (variance, noise) = (kept.Select((row, i) => row[i]).Average(), Rounding * _kept.Average(i => moments.Squares[i] / moments.Count));
        if (variance <= noise)
            return null;
        foreach (var (i, row) in kept.Index())
            row[i] += ridge * variance + noise;
        return new(kept);
    }

    /// <summary>C(i, K).</summary>
    private double[] Row(ChannelMoments moments, int i)
    {
        var products = moments.Products.AsSpan(i * _means.Length, _means.Length);
        var row = new double[_kept.Length];
        for (var k = 0; k < row.Length; k++)
            row[k] = products[_kept[k]] / moments.Count - _means[i] * _means[_kept[k]];
        return row;
    }
}
