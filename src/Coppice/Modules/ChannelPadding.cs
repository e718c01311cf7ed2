using Coppice.Tensors;

namespace Coppice.Modules;

/// <summary>Adds channels of zeros: [B, C, ...] -> [B, Before + C + After, ...]; how many is state that no weight's shape tells.</summary>
/// <remarks>Pruning may take added channels away, from either side.</remarks>
public sealed class ChannelPadding : Layer
{
    /// <summary>A layer that adds this many channels.</summary>
    /// <param name="before">In front of the input's.</param>
    /// <param name="after">Behind the input's.</param>
    public ChannelPadding(int before, int after) => Resize(before, after);

    /// <summary>Channels added in front.</summary>
    public int Before { get; private set; }

    /// <summary>Channels added behind.</summary>
    public int After { get; private set; }

    /// <summary>Changes how many channels are added.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A number is negative.</exception>
    public void Resize(int before, int after)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(before);
        ArgumentOutOfRangeException.ThrowIfNegative(after);
        (Before, After) = (before, after);
    }

    /// <inheritdoc/>
    protected override Tensor Compute(Tensor input) => input.Pad(1, Before, After);
}
