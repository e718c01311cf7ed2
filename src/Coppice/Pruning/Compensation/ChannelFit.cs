using System.Numerics.Tensors;
using Coppice.Pruning.Dependency;
using Tensor = Coppice.Tensors.Tensor;

namespace Coppice.Pruning.Compensation;

/// <summary>Removed input channels of a layer as an affine function of those that stay: x(R) = A x(K) + a.</summary>
internal sealed class ChannelFit
{
    // Of products of channels, which are summed in F32.
    private const double Rounding = 1e-6;

    private readonly int[] _kept;
    private readonly int[] _removed;
    private readonly double[][] _mixing; // A by rows of R; empty where it is 0
    private readonly double[] _constants;

    /// <param name="moments">Of what the layer reads.</param>
    /// <param name="kept">Channels that stay.</param>
    /// <param name="hasConstant">Whether there is a place for a; else it is 0.</param>
    /// <param name="ridge">Share of the mean square of x(K); null for A = 0.</param>
    public ChannelFit(ChannelMoments moments, int[] kept, bool hasConstant, double? ridge)
    {
        var channels = moments.Sums.Length;
        _kept = kept;
        _removed = [.. Enumerable.Range(0, channels).Except(kept)];
        double[] means = [.. moments.Sums.Select(sum => hasConstant ? sum / moments.Count : 0)];
        _mixing = ridge is { } share ? Solve(moments, means, share) : [];
        _constants = [.. _removed.Select((channel, r) => means[channel]
            - (HasMixing ? _mixing[r].Zip(_kept, (factor, k) => factor * means[k]).Sum() : 0))];
    }

    /// <summary>Whether A is not 0.</summary>
    public bool HasMixing => _mixing.Length > 0;

    /// <summary>The weight with W(R) A added on K, and W(R) a for each output, summed over the kernel.</summary>
    /// <param name="weight">Of two axes, or with those of a kernel behind.</param>
    /// <param name="inputAxis">Axis of the channels, 0 or 1.</param>
    /// <param name="outputAxis">The other.</param>
    public (float[] Weight, double[] Constants) Fold(Tensor weight, int inputAxis, int outputAxis)
    {
        var (before, outputs, inputs) = (weight.ToArray<float>(), weight.Shape[outputAxis], weight.Shape[inputAxis]);
        var (after, constants, kernel) = ((float[])before.Clone(), new double[outputs], before.Length / (outputs * inputs));
        for (var output = 0; output < outputs; output++)
            for (var place = 0; place < kernel; place++)
            {
                double[] removed = [.. _removed.Select(channel => (double)before[IndexOf(output, channel, place)])];
                constants[output] += removed.Zip(_constants, (w, constant) => w * constant).Sum();
                if (!HasMixing)
                    continue;
                var added = new double[_kept.Length];
                for (var r = 0; r < removed.Length; r++)
                    TensorPrimitives.MultiplyAdd<double>(_mixing[r], removed[r], added, added);
                for (var k = 0; k < _kept.Length; k++)
                    after[IndexOf(output, _kept[k], place)] += (float)added[k];
            }
        return (after, constants);

        int IndexOf(int output, int channel, int place) =>
            (inputAxis == 1 ? output * inputs + channel : channel * outputs + output) * kernel + place;
    }

    /// <summary>A = C(R, K) (C(K, K) + ridge)^-1, with C the second moments about the means.</summary>
    private double[][] Solve(ChannelMoments moments, double[] means, double ridge)
    {
        double[][] kept = [.. _kept.Select(i => Row(i))];
        var (variance, noise) = (kept.Select((row, i) => row[i]).Average(), Rounding * _kept.Average(i => moments.Squares[i] / moments.Count));
        if (variance <= noise)
            return []; // the inputs that stay never vary: nothing follows from them
        var added = ridge * variance + noise;
        for (var i = 0; i < kept.Length; i++)
            kept[i][i] += added;
        double[][] sides = [.. _removed.Select(i => Row(i))];
        new Cholesky(kept).Solve(sides);
        return sides;

        double[] Row(int i) => [.. _kept.Select(j => moments.Products[i * means.Length + j] / moments.Count - means[i] * means[j])];
    }
}
