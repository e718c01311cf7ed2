using Coppice.Tensors;

namespace Coppice.Modules;

/// <summary>The largest value of each window of [B, C, H, W], as torch.nn.MaxPool2d.</summary>
/// <param name="kernel">Height and width of a window.</param>
/// <param name="stride">From one window to the next; the kernel where null.</param>
/// <param name="padding">Positions added on each side.</param>
public sealed class MaxPool2d(int kernel, int? stride = null, int padding = 0) : Layer
{
    /// <inheritdoc/>
    protected override Tensor Compute(Tensor input) => input.MaxPool2d(kernel, stride, padding);
}

/// <summary>The mean of each window of [B, C, H, W], padding counted as zeros, as torch.nn.AvgPool2d.</summary>
/// <param name="kernel">Height and width of a window.</param>
/// <param name="stride">From one window to the next; the kernel where null.</param>
/// <param name="padding">Positions added on each side.</param>
public sealed class AvgPool2d(int kernel, int? stride = null, int padding = 0) : Layer
{
    /// <inheritdoc/>
    protected override Tensor Compute(Tensor input) => input.AvgPool2d(kernel, stride, padding);
}

/// <summary>The means of height by width windows of [B, C, H, W], as torch.nn.AdaptiveAvgPool2d; by default the global average.</summary>
/// <param name="height">Rows of the output.</param>
/// <param name="width">Columns of the output.</param>
public sealed class AdaptiveAvgPool2d(int height = 1, int width = 1) : Layer
{
    /// <inheritdoc/>
    protected override Tensor Compute(Tensor input) => input.AdaptiveAvgPool2d(height, width);
}

/// <summary>All axes but the first as one: [B, ...] -> [B, N], as torch.nn.Flatten.</summary>
public sealed class Flatten : Layer
{
    /// <inheritdoc/>
    protected override Tensor Compute(Tensor input) =>
        input.Reshape(input.Shape[0], checked((int)(input.Count / Math.Max(1, input.Shape[0]))));
}
