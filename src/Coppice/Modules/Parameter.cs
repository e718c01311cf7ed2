using System.Numerics;
using System.Runtime.InteropServices;
using Coppice.Tensors;

namespace Coppice.Modules;

/// <summary>A trainable tensor of a module, optionally under a mask. Two modules that hold the same parameter have tied weights.</summary>
/// <remarks>
/// While masked, <see cref="Data"/> is what torch calls <c>weight_orig</c>, <see cref="Mask"/> is <c>weight_mask</c>, and modules compute with
/// <see cref="Value"/> = Data x Mask, formed once after each change of either, not at every forward pass.
/// </remarks>
public sealed class Parameter
{
    private Tensor? _masked;
    private (int Data, int Mask) _maskedFrom;

    /// <summary>A parameter without a mask.</summary>
    public Parameter(Tensor data) => Data = data;

    /// <summary>The stored values; entries under a zero of the mask keep theirs.</summary>
    public Tensor Data { get; private set; }

    /// <summary>Zeros and ones in the shape of <see cref="Data"/>; null where nothing is masked.</summary>
    public Tensor? Mask { get; private set; }

    /// <summary>Whether a masked value is Data x 0 as in torch, so that -1 gives -0 and infinity NaN; else it is +0.</summary>
    public bool KeepsSign { get; private set; }

    /// <summary>Axis sizes.</summary>
    public Shape Shape => Data.Shape;

    /// <summary>What modules compute with: <see cref="Data"/>, or Data x <see cref="Mask"/> (see <see cref="KeepsSign"/>).</summary>
    public Tensor Value
    {
        get
        {
            if (Mask is null)
                return Data;
            var versions = (Data.Version, Mask.Version);
            if (_masked is null || _maskedFrom != versions)
            {
                var masked = TensorScope.Detach(Data.Multiply(Mask));
                if (!KeepsSign)
                    ClearMasked(masked.AsSpan<float>(), Mask.AsReadOnlySpan<float>());
                (_masked, _maskedFrom) = (masked, versions);
            }
            return _masked;
        }
    }

    /// <summary>Replaces the values by others of any shape; the mask must have been removed or be of that shape.</summary>
    /// <exception cref="ArgumentException">There is a mask of another shape.</exception>
    public void Replace(Tensor data)
    {
        if (Mask is not null && Mask.Shape != data.Shape)
            throw new ArgumentException($"The mask has shape {Mask.Shape}, the new values {data.Shape}; remove the mask first.", nameof(data));
        Data = TensorScope.Detach(data);
        _masked = null;
    }

    /// <summary>Puts a mask in force, in place of any before.</summary>
    /// <param name="mask">Zeros and ones; the parameter holds on to it.</param>
    /// <param name="keepSign">See <see cref="KeepsSign"/>.</param>
    /// <exception cref="ArgumentException">The mask's shape or type is not the values'.</exception>
    public void SetMask(Tensor mask, bool keepSign = false)
    {
        if (mask.Shape != Data.Shape || mask.DType != Data.DType)
            throw new ArgumentException($"A mask of {mask} does not fit a parameter of {Data}.", nameof(mask));
        Mask = TensorScope.Detach(mask);
        KeepsSign = keepSign;
        _masked = null;
    }

    /// <summary>Makes the mask permanent: the masked values become the stored ones. Nothing happens without a mask.</summary>
    public void MakeMaskPermanent()
    {
        Data = Value;
        Mask = null;
        _masked = null;
    }

    /// <summary>Lifts the mask; the stored values are in force again, also those that were masked.</summary>
    public void ClearMask()
    {
        Mask = null;
        _masked = null;
    }

    private static void ClearMasked(Span<float> values, ReadOnlySpan<float> mask)
    {
        var lanes = MemoryMarshal.Cast<float, Vector<float>>(values);
        var maskLanes = MemoryMarshal.Cast<float, Vector<float>>(mask);
        for (var i = 0; i < lanes.Length; i++)
            lanes[i] = Vector.ConditionalSelect(Vector.Equals(maskLanes[i], Vector<float>.Zero), Vector<float>.Zero, lanes[i]);
        for (var i = lanes.Length * Vector<float>.Count; i < values.Length; i++)
            if (mask[i] == 0)
                values[i] = 0;
    }
}
