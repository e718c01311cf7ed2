namespace Coppice.Tensors.Kernels;

/// <summary>Sizes of a two-dimensional convolution: x [B, C, H, W], weight [O, C/groups, kh, kw], y [B, O, H', W'].</summary>
internal readonly record struct ConvShape(
    int Batch, int Channels, int Height, int Width, int Outputs, int KernelHeight, int KernelWidth, int Stride, int Padding, int Dilation,
    int Groups)
{
    public int OutHeight => OutSize(Height, KernelHeight, Stride, Padding, Dilation);

    public int OutWidth => OutSize(Width, KernelWidth, Stride, Padding, Dilation);

    /// <summary>Input channels that one output channel sees.</summary>
    public int GroupChannels => Channels / Groups;

    /// <summary>Output channels of a group.</summary>
    public int GroupOutputs => Outputs / Groups;

    /// <summary>Weights of an output channel: the length of each sum.</summary>
    public int Depth => GroupChannels * KernelHeight * KernelWidth;

    /// <summary>Output pixels of an image.</summary>
    public int Pixels => OutHeight * OutWidth;

    /// <summary>Whether a pixel is computed from itself alone, so that rows of an image may be taken for one long row.</summary>
    public bool IsPointwise => (KernelHeight, KernelWidth, Stride, Padding) == (1, 1, 1, 0);

    /// <summary>Whether each channel is convolved by itself.</summary>
    public bool IsDepthwise => GroupChannels == 1 && GroupOutputs == 1;

    /// <summary>Length of an axis after a window has slid along it; 0 where the window does not fit.</summary>
    public static int OutSize(int size, int kernel, int stride, int padding, int dilation)
    {
        var room = size + 2L * padding - (long)dilation * (kernel - 1) - 1;
        return room < 0 ? 0 : (int)Math.Min(room / stride + 1, int.MaxValue);
    }
}
