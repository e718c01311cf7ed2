using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Models.Vision;

/// <summary>The ResNet for ImageNet (He et al. 2015), with torchvision's names; a block of three layers strides in its 3x3 layer.</summary>
public sealed class ResNet : ImageClassifier
{
    private readonly Layer[] _layers;
    private readonly Linear _head;

    /// <summary>A model to be loaded or initialised.</summary>
    /// <param name="blocks">Blocks of each of the four stages; [2, 2, 2, 2] for ResNet-18.</param>
    /// <param name="bottleneck">Whether a block has three layers (ResNet-50 and deeper), not two.</param>
    /// <param name="classes">Number of classes.</param>
    public ResNet(IReadOnlyList<int> blocks, bool bottleneck, int classes)
    {
        var (conv, norm) = (Register("conv1", new Conv2d(3, 64, 7, 2, 3, bias: false)), Register("bn1", new BatchNorm2d(64)));
        var stages = new Layer[4];
        var from = 64;
        for (var i = 0; i < stages.Length; i++)
        {
            var width = 64 << i;
            stages[i] = Register($"layer{i + 1}", Stage(from, width, bottleneck, i == 0 ? 1 : 2, blocks[i]));
            from = bottleneck ? 4 * width : width;
        }
        _layers = [conv, norm, new Activation("relu"), new MaxPool2d(3, 2, 1), .. stages, new AdaptiveAvgPool2d(), new Flatten()];
        _head = Register("fc", new Linear(from, classes));
    }

    /// <inheritdoc/>
    public override int Labels => _head.OutFeatures;

    /// <inheritdoc/>
    protected override Tensor Compute(Tensor input)
    {
        foreach (var layer in _layers)
            input = layer.Forward(input);       // [B, 3, H, W] -> [B, C, H/32, W/32] -> [B, C]
        return _head.Forward(input);            // -> [B, classes]
    }

    private static Sequential Stage(int from, int width, bool bottleneck, int stride, int blocks)
    {
        var to = bottleneck ? 4 * width : width;
        return new([.. Enumerable.Range(0, blocks).Select(i => new Block(i == 0 ? from : to, width, bottleneck, i == 0 ? stride : 1))]);
    }

    /// <summary>Convolutions beside a shortcut, which is a 1x1 convolution where sizes change.</summary>
    private sealed class Block : Layer
    {
        private readonly List<(Conv2d Conv, BatchNorm2d Norm)> _path = [];
        private readonly Sequential? _shortcut;

        public Block(int from, int width, bool bottleneck, int stride)
        {
            var to = bottleneck ? 4 * width : width;
            if (bottleneck)
                Extend(from, width, 1, 1);
            Extend(bottleneck ? width : from, width, 3, stride);
            Extend(width, to, bottleneck ? 1 : 3, 1);
            if (stride != 1 || from != to)
                _shortcut = Register("downsample", new Sequential(new Conv2d(from, to, 1, stride, bias: false), new BatchNorm2d(to)));
        }

        protected override Tensor Compute(Tensor input)
        {
            var x = input;
            for (var i = 0; i < _path.Count; i++)
            {
                x = _path[i].Norm.Forward(_path[i].Conv.Forward(x));
                if (i < _path.Count - 1)
                    x = x.Relu();
            }
            return x.Add(_shortcut?.Forward(input) ?? input).Relu();
        }

        private void Extend(int from, int to, int kernel, int stride)
        {
            var number = _path.Count + 1;
            var conv = Register($"conv{number}", new Conv2d(from, to, kernel, stride, kernel / 2, bias: false));
            _path.Add((conv, Register($"bn{number}", new BatchNorm2d(to))));
        }
    }
}
