using Coppice.Tensors;

namespace Coppice.Modules;

/// <summary>Two-dimensional convolution with weight [out, in/groups, k, k] and optional bias [out], as torch.nn.Conv2d.</summary>
public sealed class Conv2d : Layer
{
    private readonly Parameter _weight;
    private readonly Parameter? _bias;

    /// <summary>A layer of zeros, to be loaded or initialised.</summary>
    /// <param name="inChannels">Channels of the input.</param>
    /// <param name="outChannels">Channels of the output.</param>
    /// <param name="kernel">Height and width of the kernel.</param>
    /// <param name="stride">Input pixels from one output pixel to the next.</param>
    /// <param name="padding">Zeros around the input.</param>
    /// <param name="dilation">Input pixels from one weight of the kernel to the next.</param>
    /// <param name="groups">Parts that channels are cut into; as many as channels: depthwise.</param>
    /// <param name="bias">Whether there is a bias.</param>
    public Conv2d(int inChannels, int outChannels, int kernel, int stride = 1, int padding = 0, int dilation = 1, int groups = 1,
        bool bias = true)
    {
        (Stride, Padding, Dilation, Groups) = (stride, padding, dilation, groups);
        _weight = Register("weight", new Parameter(Tensor.Zeros([outChannels, inChannels / groups, kernel, kernel])));
        _bias = Register("bias", bias ? new Parameter(Tensor.Zeros([outChannels])) : null);
    }

    /// <summary>Channels of the input, read from the weight.</summary>
    public int InChannels => _weight.Shape[1] * Groups;

    /// <summary>Channels of the output, read from the weight.</summary>
    public int OutChannels => _weight.Shape[0];

    /// <summary>Input pixels from one output pixel to the next.</summary>
    public int Stride { get; }

    /// <summary>Zeros around the input.</summary>
    public int Padding { get; }

    /// <summary>Input pixels from one weight of the kernel to the next.</summary>
    public int Dilation { get; }

    /// <summary>Parts that channels are cut into.</summary>
    public int Groups { get; }

    /// <inheritdoc/>
    protected override Tensor Compute(Tensor input) => input.Conv2d(_weight.Value, _bias?.Value, Stride, Padding, Dilation, input.Shape[1] / _weight.Shape[1]);
}
