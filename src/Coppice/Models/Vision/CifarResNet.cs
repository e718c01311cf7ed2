using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Models.Vision;

/// <summary>The ResNet for CIFAR of 6n + 2 layers (He et al. 2015, section 4.2), with the names of
/// akamaster/pytorch_resnet_cifar10.</summary>
public sealed class CifarResNet : ImageClassifier
{
    private readonly Conv2d _stem;
    private readonly BatchNorm2d _norm;
    private readonly Sequential[] _stages;
    private readonly Linear _head;

    /// <summary>A model to be loaded or initialised.</summary>
    /// <param name="blocks">n: blocks of each of the three stages; 3 for ResNet-20, 9 for ResNet-56.</param>
    /// <param name="classes">Number of classes.</param>
    public CifarResNet(int blocks, int classes)
    {
        _stem = Register("conv1", new Conv2d(3, 16, 3, padding: 1, bias: false));
        _norm = Register("bn1", new BatchNorm2d(16));
        _stages =
        [
            Register("layer1", Stage(16, 16, 1, blocks)),
            Register("layer2", Stage(16, 32, 2, blocks)),
            Register("layer3", Stage(32, 64, 2, blocks)),
        ];
        _head = Register("linear", new Linear(64, classes));
    }

    /// <inheritdoc/>
    public override int Labels => _head.OutFeatures;

    /// <inheritdoc/>
    protected override Tensor Compute(Tensor input)
    {
        var x = _norm.Forward(_stem.Forward(input)).Relu();             // [B, 3, H, W] -> [B, 16, H, W]
        foreach (var stage in _stages)
            x = stage.Forward(x);                                       // -> [B, 64, H/4, W/4]
        x = x.AdaptiveAvgPool2d().Reshape(x.Shape[0], x.Shape[1]);      // -> [B, 64]
        return _head.Forward(x);                                        // -> [B, classes]
    }

    private static Sequential Stage(int from, int to, int stride, int blocks) =>
        new([.. Enumerable.Range(0, blocks).Select(i => i == 0 ? new Block(from, to, stride) : new Block(to, to, 1))]);

    /// <summary>Two convolutions beside a shortcut without parameters ("option A"): every second pixel, and channels of zeros.</summary>
    private sealed class Block : Layer
    {
        private readonly Conv2d _conv1;
        private readonly BatchNorm2d _norm1;
        private readonly Conv2d _conv2;
        private readonly BatchNorm2d _norm2;
        private readonly ChannelPadding? _padding;

        public Block(int from, int to, int stride)
        {
            _conv1 = Register("conv1", new Conv2d(from, to, 3, stride, 1, bias: false));
            _norm1 = Register("bn1", new BatchNorm2d(to));
            _conv2 = Register("conv2", new Conv2d(to, to, 3, padding: 1, bias: false));
            _norm2 = Register("bn2", new BatchNorm2d(to));
            if (to > from)
                _padding = Register("shortcut", new ChannelPadding((to - from) / 2, to - from - (to - from) / 2));
        }

        protected override Tensor Compute(Tensor input)
        {
            var x = _norm1.Forward(_conv1.Forward(input)).Relu();       // [B, from, H, W] -> [B, to, H/s, W/s]
            x = _norm2.Forward(_conv2.Forward(x));
            return x.Add(Shortcut(input)).Relu();
        }

        private Tensor Shortcut(Tensor input)
        {
            if (_conv1.Stride > 1)
                input = input.AvgPool2d(1, _conv1.Stride);              // windows of one pixel: takes every second
            return _padding?.Forward(input) ?? input;
        }
    }
}
