using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Models.Vision;

/// <summary>MobileNetV2 (Sandler et al. 2018) of width 1, with torchvision's names.</summary>
public sealed class MobileNetV2 : ImageClassifier
{
    /// <summary>Of each stage: how much a block widens its input, output channels, blocks, stride of the first (table 2 of the
    /// paper).</summary>
    private static readonly (int Expansion, int Channels, int Blocks, int Stride)[] Stages =
        [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)];

    private readonly Sequential _features;
    private readonly Sequential _head;
    private readonly Linear _classifier;

    /// <summary>A model to be loaded or initialised.</summary>
    /// <param name="classes">Number of classes.</param>
    public MobileNetV2(int classes)
    {
        var layers = new List<Layer> { Convolution(3, 32, 3, 2) };
        var from = 32;
        foreach (var (expansion, channels, blocks, stride) in Stages)
            for (var i = 0; i < blocks; i++, from = channels)
                layers.Add(new Block(from, channels, expansion, i == 0 ? stride : 1));
        layers.Add(Convolution(from, 1280, 1, 1));
        _features = Register("features", new Sequential([.. layers]));
        _classifier = new Linear(1280, classes);
        // Number 0 is dropout, which computes nothing here.
        _head = Register("classifier", new Sequential(new Flatten(), _classifier));
    }

    /// <inheritdoc/>
    public override int Labels => _classifier.OutFeatures;

    /// <inheritdoc/>
    protected override Tensor Compute(Tensor input) =>
        _head.Forward(_features.Forward(input).AdaptiveAvgPool2d());        // [B, 3, H, W] -> [B, 1280, H/32, W/32] -> [B, classes]

    private static Sequential Convolution(int from, int to, int kernel, int stride, int groups = 1) =>
        new(new Conv2d(from, to, kernel, stride, kernel / 2, groups: groups, bias: false), new BatchNorm2d(to), new Relu6());

    /// <summary>Widens, convolves each channel by itself, narrows; beside a shortcut where sizes stay.</summary>
    private sealed class Block : Layer
    {
        private readonly Sequential _path;
        private readonly bool _hasShortcut;

        public Block(int from, int to, int expansion, int stride)
        {
            var width = from * expansion;
            var layers = new List<Layer>();
            if (expansion != 1)
                layers.Add(Convolution(from, width, 1, 1));
            layers.AddRange([Convolution(width, width, 3, stride, width), new Conv2d(width, to, 1, bias: false), new BatchNorm2d(to)]);
            _path = Register("conv", new Sequential([.. layers]));
            _hasShortcut = stride == 1 && from == to;
        }

        protected override Tensor Compute(Tensor input) => _hasShortcut ? input.Add(_path.Forward(input)) : _path.Forward(input);
    }

    /// <summary><c>min(max(x, 0), 6)</c>, as relu(x) - relu(x - 6).</summary>
    private sealed class Relu6 : Layer
    {
        private readonly Tensor _six = TensorScope.Detach(Tensor.Full([], 6));

        protected override Tensor Compute(Tensor input) => input.Relu().Subtract(input.Subtract(_six).Relu());
    }
}
