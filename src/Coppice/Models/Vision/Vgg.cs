using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Models.Vision;

/// <summary>VGG (Simonyan and Zisserman 2014) for CIFAR, with batch normalisation and one linear layer: the names of
/// kuangliu/pytorch-cifar.</summary>
public sealed class Vgg : ImageClassifier
{
    /// <summary>In <see cref="Vgg(IReadOnlyList{int}, int)"/>: a 2x2 max-pooling.</summary>
    public const int Pool = 0;

    private readonly Sequential _features;
    private readonly Linear _head;

    /// <summary>A model to be loaded or initialised.</summary>
    /// <param name="plan">Channels of each 3x3 convolution, and <see cref="Pool"/> between; five poolings bring 32x32 down to one
    /// pixel.</param>
    /// <param name="classes">Number of classes.</param>
    public Vgg(IReadOnlyList<int> plan, int classes)
    {
        var layers = new List<Layer>();
        var from = 3;
        foreach (var channels in plan)
        {
            if (channels == Pool)
            {
                layers.Add(new MaxPool2d(2));
                continue;
            }
            layers.AddRange([new Conv2d(from, channels, 3, padding: 1), new BatchNorm2d(channels), new Activation("relu")]);
            from = channels;
        }
        _features = Register("features", new Sequential([.. layers]));
        _head = Register("classifier", new Linear(from, classes));
    }

    /// <inheritdoc/>
    public override int Labels => _head.OutFeatures;

    /// <inheritdoc/>
    protected override Tensor Compute(Tensor input)
    {
        var x = _features.Forward(input);                           // [B, 3, 32, 32] -> [B, C, 1, 1]
        return _head.Forward(x.Reshape(x.Shape[0], -1));            // -> [B, classes]
    }
}
