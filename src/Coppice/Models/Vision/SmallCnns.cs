using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Models.Vision;

/// <summary>LeNet-5 (LeCun et al. 1998) for 28x28 grey images, with rectifiers and max-pooling as is usual today.</summary>
public sealed class LeNet : ImageClassifier
{
    private readonly Conv2d _conv1;
    private readonly Conv2d _conv2;
    private readonly Linear _fc1;
    private readonly Linear _fc2;
    private readonly Linear _fc3;

    /// <summary>A model to be loaded or initialised.</summary>
    public LeNet(int classes)
    {
        _conv1 = Register("conv1", new Conv2d(1, 6, 5, padding: 2));
        _conv2 = Register("conv2", new Conv2d(6, 16, 5));
        _fc1 = Register("fc1", new Linear(16 * 5 * 5, 120));
        _fc2 = Register("fc2", new Linear(120, 84));
        _fc3 = Register("fc3", new Linear(84, classes));
    }

    /// <inheritdoc/>
    public override int Labels => _fc3.OutFeatures;

    /// <inheritdoc/>
    protected override Tensor Compute(Tensor input)
    {
        var x = _conv1.Forward(input).Relu().MaxPool2d(2);              // [B, 1, 28, 28] -> [B, 6, 14, 14]
        x = _conv2.Forward(x).Relu().MaxPool2d(2);                      // -> [B, 16, 5, 5]
        x = _fc1.Forward(x.Reshape(x.Shape[0], -1)).Relu();             // -> [B, 120]
        return _fc3.Forward(_fc2.Forward(x).Relu());                    // -> [B, classes]
    }
}

/// <summary>A small network for 32x32 colour images: two convolutions, each with pooling, and two linear layers.</summary>
public sealed class SimpleCnn : ImageClassifier
{
    private readonly Conv2d _conv1;
    private readonly Conv2d _conv2;
    private readonly Linear _fc1;
    private readonly Linear _fc2;

    /// <summary>A model to be loaded or initialised.</summary>
    public SimpleCnn(int classes)
    {
        _conv1 = Register("conv1", new Conv2d(3, 32, 3, padding: 1));
        _conv2 = Register("conv2", new Conv2d(32, 64, 3, padding: 1));
        _fc1 = Register("fc1", new Linear(64 * 8 * 8, 128));
        _fc2 = Register("fc2", new Linear(128, classes));
    }

    /// <inheritdoc/>
    public override int Labels => _fc2.OutFeatures;

    /// <inheritdoc/>
    protected override Tensor Compute(Tensor input)
    {
        var x = _conv1.Forward(input).Relu().MaxPool2d(2);              // [B, 3, 32, 32] -> [B, 32, 16, 16]
        x = _conv2.Forward(x).Relu().MaxPool2d(2);                      // -> [B, 64, 8, 8]
        return _fc2.Forward(_fc1.Forward(x.Reshape(x.Shape[0], -1)).Relu());
    }
}

/// <summary>The MNIST network of tracel-ai/burn's PyTorch import example (its cnn.pt): 28x28 grey images, log-probabilities out.</summary>
public sealed class MnistCnn : ImageClassifier
{
    private readonly Conv2d _conv1;
    private readonly Conv2d _conv2;
    private readonly Conv2d _conv3;
    private readonly BatchNorm2d _norm1;
    private readonly Linear _fc1;
    private readonly Linear _fc2;
    private readonly BatchNorm1d _norm2;

    /// <summary>A model to be loaded or initialised.</summary>
    public MnistCnn(int classes)
    {
        _conv1 = Register("conv1", new Conv2d(1, 8, 3));
        _conv2 = Register("conv2", new Conv2d(8, 16, 3));
        _conv3 = Register("conv3", new Conv2d(16, 24, 3));
        _norm1 = Register("norm1", new BatchNorm2d(24));
        _fc1 = Register("fc1", new Linear(24 * 22 * 22, 32));
        _fc2 = Register("fc2", new Linear(32, classes));
        _norm2 = Register("norm2", new BatchNorm1d(classes));
    }

    /// <inheritdoc/>
    public override int Labels => _fc2.OutFeatures;

    /// <inheritdoc/>
    protected override Tensor Compute(Tensor input)
    {
        var x = _conv1.Forward(input).Relu();                           // [B, 1, 28, 28] -> [B, 8, 26, 26]
        x = _conv3.Forward(_conv2.Forward(x).Relu()).Relu();            // -> [B, 24, 22, 22]
        x = _norm1.Forward(x).Reshape(x.Shape[0], -1);                  // -> [B, 11616]
        return _norm2.Forward(_fc2.Forward(_fc1.Forward(x).Relu())).LogSoftmax();
    }
}
