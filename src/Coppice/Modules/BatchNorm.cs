using Coppice.Tensors;

namespace Coppice.Modules;

/// <summary>
/// Batch normalisation of each channel, with weight and bias [C] and the buffers <c>running_mean</c>, <c>running_var</c> and
/// <c>num_batches_tracked</c> (Ioffe and Szegedy 2015), as torch's.
/// </summary>
/// <remarks>
/// In training it normalises by the batch's statistics and updates the running ones: <c>running = (1 - momentum) running + momentum
/// batch</c>,
/// the variance divided by n - 1. In evaluation it normalises by the running ones.
/// </remarks>
public abstract class BatchNorm : Layer
{
    private readonly Parameter _weight;
    private readonly Parameter _bias;
    private readonly int _rank;
    private readonly float _epsilon;
    private readonly float _momentum;

    private protected BatchNorm(int rank, int channels, float epsilon, float momentum)
    {
        (_rank, _epsilon, _momentum) = (rank, epsilon, momentum);
        _weight = Register("weight", new Parameter(Tensor.Full([channels], 1)));
        _bias = Register("bias", new Parameter(Tensor.Zeros([channels])));
        RegisterBuffer("running_mean", Tensor.Zeros([channels]));
        RegisterBuffer("running_var", Tensor.Full([channels], 1));
        RegisterBuffer("num_batches_tracked", Tensor.Zeros([], DType.I64));
    }

    /// <summary>Channels, read from the weight.</summary>
    public int Channels => _weight.Shape[0];

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The input has another number of axes.</exception>
    protected override Tensor Compute(Tensor input)
    {
        if (input.Shape.Rank != _rank)
            throw new ArgumentException($"{GetType().Name} takes {(_rank == 2 ? "[B, C]" : "[B, C, H, W]")}, not {input}.", nameof(input));
        var (mean, variance) = (Buffers["running_mean"], Buffers["running_var"]);
        if (!IsTraining)
            return input.BatchNorm(_weight.Value, _bias.Value, mean, variance, _epsilon);
        var (normalized, batchMean, batchVariance) = input.BatchNormTraining(_weight.Value, _bias.Value, _epsilon);
        var count = (double)(input.Count / Channels);
        Update(mean, batchMean, 1);
        Update(variance, batchVariance, count / (count - 1));
        Buffers["num_batches_tracked"].AsSpan<long>()[0]++;
        return normalized;
    }

    private void Update(Tensor running, Tensor batch, double factor)
    {
        var values = running.AsSpan<float>();
        var seen = batch.AsReadOnlySpan<float>();
        for (var c = 0; c < values.Length; c++)
            values[c] = (float)((1.0 - _momentum) * values[c] + _momentum * factor * seen[c]);
        GC.KeepAlive(batch);
    }
}

/// <summary>Batch normalisation of [B, C], as torch.nn.BatchNorm1d.</summary>
/// <param name="channels">C.</param>
/// <param name="epsilon">Added to the variance.</param>
/// <param name="momentum">Weight of a batch in the running statistics.</param>
public sealed class BatchNorm1d(int channels, float epsilon = 1e-5f, float momentum = 0.1f) : BatchNorm(2, channels, epsilon, momentum);

/// <summary>Batch normalisation of [B, C, H, W], as torch.nn.BatchNorm2d.</summary>
/// <param name="channels">C.</param>
/// <param name="epsilon">Added to the variance.</param>
/// <param name="momentum">Weight of a batch in the running statistics.</param>
public sealed class BatchNorm2d(int channels, float epsilon = 1e-5f, float momentum = 0.1f) : BatchNorm(4, channels, epsilon, momentum);
