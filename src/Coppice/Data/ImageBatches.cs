using System.Numerics.Tensors;
using Coppice.Tensors;
using Tensor = Coppice.Tensors.Tensor;

namespace Coppice.Data;

/// <summary>What is done to training images, drawn anew for each image and epoch: cut out of a frame of zeros, and turned left to
/// right.</summary>
/// <param name="Padding">Zeros around the image (of normalised values), out of which a part of its size is cut; 0 for none.</param>
/// <param name="Flip">Whether every second image, on average, is turned left to right.</param>
public sealed record ImageAugmentation(int Padding = 4, bool Flip = true);

/// <summary>Images of a data set as batches of normalised tensors.</summary>
public sealed class ImageBatches
{
    private readonly ImageData _data;
    private readonly IReadOnlyList<float> _mean;
    private readonly IReadOnlyList<float> _std;

    /// <summary>Batches of a data set, in its order.</summary>
    /// <param name="data">The images.</param>
    /// <param name="batchSize">Images of a batch; the last one may be smaller.</param>
    /// <param name="mean">Of each channel, subtracted from pixels scaled to 0..1.</param>
    /// <param name="std">Of each channel, by which the difference is divided.</param>
    /// <exception cref="ArgumentException">There is not a mean and a deviation for each channel, or the batch size is not
    /// positive.</exception>
    public ImageBatches(ImageData data, int batchSize, IReadOnlyList<float> mean, IReadOnlyList<float> std)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(batchSize);
        if (mean.Count != data.Channels || std.Count != data.Channels)
            throw new ArgumentException(
                $"The images have {data.Channels} channels; {mean.Count} means and {std.Count} deviations were given.", nameof(mean));
        (_data, BatchSize, _mean, _std) = (data, batchSize, mean, std);
    }

    /// <summary>Images of a batch.</summary>
    public int BatchSize { get; }

    /// <summary>Number of batches.</summary>
    public int Count => (_data.Count + BatchSize - 1) / BatchSize;

    /// <summary>The images in order, unchanged: F32 [B, C, H, W], and their classes.</summary>
    public IEnumerable<(Tensor Images, int[] Labels)> InOrder() =>
        Batches([.. Enumerable.Range(0, _data.Count)], null, new RandomSource(0));

    /// <summary>One epoch of training: shuffled and augmented as seed and epoch alone decide.</summary>
    /// <param name="seed">Seed of a training run.</param>
    /// <param name="epoch">Number of the epoch.</param>
    /// <param name="augmentation">What is done to the images; null for nothing.</param>
    public IEnumerable<(Tensor Images, int[] Labels)> Shuffled(int seed, int epoch, ImageAugmentation? augmentation = null)
    {
        if (augmentation is not null)
            ArgumentOutOfRangeException.ThrowIfNegative(augmentation.Padding, nameof(augmentation));
        var random = new RandomSource(unchecked(seed * 1_000_003L + epoch));
        int[] order = [.. Enumerable.Range(0, _data.Count)];
        for (var i = order.Length - 1; i > 0; i--)
        {
            var other = Below(random, i + 1);
            (order[i], order[other]) = (order[other], order[i]);
        }
        return Batches(order, augmentation, random);
    }

    private IEnumerable<(Tensor Images, int[] Labels)> Batches(int[] order, ImageAugmentation? augmentation, RandomSource random)
    {
        for (var first = 0; first < order.Length; first += BatchSize)
        {
            var batch = order[first..Math.Min(first + BatchSize, order.Length)];
            yield return (Images(batch, augmentation, random), Array.ConvertAll(batch, image => _data.Labels[image]));
        }
    }

    private Tensor Images(int[] batch, ImageAugmentation? augmentation, RandomSource random)
    {
        var images = Tensor.Empty([batch.Length, _data.Channels, _data.Height, _data.Width]);
        var values = images.AsSpan<float>();
        var size = _data.Channels * _data.Height * _data.Width;
        var image = new float[size];
        for (var i = 0; i < batch.Length; i++)
        {
            Normalize(_data.Pixels(batch[i]), image);
            var target = values.Slice(i * size, size);
            if (augmentation is null)
                image.CopyTo(target);
            else
                Augment(image, target, augmentation, random);
        }
        return images;
    }

    private void Normalize(ReadOnlySpan<byte> pixels, Span<float> values)
    {
        TensorPrimitives.ConvertTruncating(pixels, values);
        var plane = _data.Height * _data.Width;
        for (var channel = 0; channel < _data.Channels; channel++)
        {
            var part = values.Slice(channel * plane, plane);
            TensorPrimitives.Divide(part, 255f, part);
            TensorPrimitives.Subtract(part, _mean[channel], part);
            TensorPrimitives.Divide(part, _std[channel], part);
        }
    }

    private void Augment(ReadOnlySpan<float> image, Span<float> target, ImageAugmentation augmentation, RandomSource random)
    {
        var places = 2 * augmentation.Padding + 1;
        var (down, right) = (Below(random, places) - augmentation.Padding, Below(random, places) - augmentation.Padding);
        var flip = augmentation.Flip && Below(random, 2) == 1;
        for (var row = 0; row < _data.Channels * _data.Height; row++)
            for (var column = 0; column < _data.Width; column++)
            {
                var (y, x) = (row % _data.Height + down, column + right);
                var inside = (uint)y < (uint)_data.Height && (uint)x < (uint)_data.Width;
                target[row * _data.Width + (flip ? _data.Width - 1 - column : column)] = inside ? image[(row + down) * _data.Width + x] : 0;
            }
    }

    private static int Below(RandomSource random, int end) => (int)(random.NextUInt32() * (ulong)end >> 32);
}
