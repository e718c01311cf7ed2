using System.Numerics.Tensors;
using Coppice.Tensors;
using Tensor = Coppice.Tensors.Tensor;

namespace Coppice.Data;

/// <summary>What is done to training images, drawn anew for each image and epoch: cut out of a frame of zeros, and turned left to
/// right.</summary>
/// <param name="Padding">Zeros around the image (of normalised values), out of which a part of its size is cut; 0 for none.</param>
/// <param name="Flip">Whether every second image, on average, is turned left to right.</param>
public sealed record ImageAugmentation(int Padding = 4, bool Flip = true);

/// <summary>Labelled images as <see cref="ImageBatch"/>es: pixels scaled to 0..1, less the mean, divided by the deviation.</summary>
public sealed class ImageTrainingData : TrainingData
{
    private readonly ImageData _data;
    private readonly IReadOnlyList<float> _mean;
    private readonly IReadOnlyList<float> _std;
    private readonly ImageAugmentation? _augmentation;

    /// <summary>Images to train on.</summary>
    /// <param name="data">The images.</param>
    /// <param name="mean">Of each channel, subtracted from pixels scaled to 0..1.</param>
    /// <param name="std">Of each channel, by which the difference is divided.</param>
    /// <param name="augmentation">How the images of a training epoch are changed; null for not at all.</param>
    /// <exception cref="ArgumentException">There is not a mean and a deviation for each channel.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The padding is negative or larger than the images.</exception>
    public ImageTrainingData(ImageData data, IReadOnlyList<float> mean, IReadOnlyList<float> std, ImageAugmentation? augmentation = null)
    {
        if (mean.Count != data.Channels || std.Count != data.Channels)
            throw new ArgumentException(
                $"The images have {data.Channels} channels; {mean.Count} means and {std.Count} deviations were given.", nameof(mean));
        ArgumentOutOfRangeException.ThrowIfNegative(augmentation?.Padding ?? 0, nameof(augmentation));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(augmentation?.Padding ?? 0, Math.Min(data.Height, data.Width), nameof(augmentation));
        (_data, _mean, _std, _augmentation) = (data, mean, std, augmentation);
    }

    /// <inheritdoc/>
    public override int Count => _data.Count;

    /// <inheritdoc/>
    public override ImageBatch Load(ReadOnlySpan<int> examples, EpochSeed? augmentation = null)
    {
        var images = Tensor.Empty([examples.Length, _data.Channels, _data.Height, _data.Width]);
        var targets = Tensor.Empty([examples.Length], DType.I64);
        var values = images.AsSpan<float>();
        var classes = targets.AsSpan<long>();
        var image = new float[_data.Channels * _data.Height * _data.Width];
        for (var i = 0; i < examples.Length; i++)
        {
            classes[i] = _data.Labels[examples[i]];
            Normalize(_data.Pixels(examples[i]), image);
            var target = values.Slice(i * image.Length, image.Length);
            if (_augmentation is not null && augmentation is { } seed)
                Augment(image, target, _augmentation, seed.ForExample(examples[i]));
            else
                image.CopyTo(target);
        }
        return new(images, targets);
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
        var down = EpochSeed.Below(random, places) - augmentation.Padding;
        var right = EpochSeed.Below(random, places) - augmentation.Padding;
        var flip = augmentation.Flip && EpochSeed.Below(random, 2) == 1;
        var (height, width) = (_data.Height, _data.Width);
        // The columns of a row that lie within the image once it is moved.
        var (first, end) = (Math.Clamp(-right, 0, width), Math.Clamp(width - right, 0, width));
        target.Clear();
        for (var row = 0; row < _data.Channels * height; row++)
        {
            var line = target.Slice(row * width, width);
            if ((uint)(row % height + down) < (uint)height && first < end)
                image.Slice((row + down) * width + first + right, end - first).CopyTo(line[first..]);
            if (flip)
                line.Reverse();
        }
    }
}
