using System.Numerics;
using System.Runtime.InteropServices;
using Coppice.Tensors;
using Coppice.Tensors.Autograd;

namespace Coppice.Modules;

/// <summary>A trainable tensor of a module, optionally under a mask. Two modules that hold the same parameter have tied weights.</summary>
/// <remarks>
/// While masked, <see cref="Data"/> is what torch calls <c>weight_orig</c>, <see cref="Mask"/> is <c>weight_mask</c>, and modules compute with
/// <see cref="Value"/> = Data x Mask, formed once after each change of either, not at every forward pass.
/// </remarks>
public sealed class Parameter
{
    private readonly Action<Tensor> _addToGradient;
    private Tensor? _masked;
    private (int Data, int Mask) _maskedFrom;

    /// <summary>A parameter without a mask.</summary>
    public Parameter(Tensor data) => (Data, _addToGradient) = (data, AddToGradient);

    /// <summary>The stored values; entries under a zero of the mask keep theirs.</summary>
    public Tensor Data { get; private set; }

    /// <summary>Zeros and ones in the shape of <see cref="Data"/>; null where nothing is masked.</summary>
    public Tensor? Mask { get; private set; }

    /// <summary>Whether a masked value is Data x 0 as in torch, so that -1 gives -0 and infinity NaN; else it is +0.</summary>
    public bool KeepsSign { get; private set; }

    /// <summary>Whether a tape records what is computed from <see cref="Value"/>; off freezes the parameter.</summary>
    public bool RequiresGradient { get; set; } = true;

    /// <summary>
    /// The sum of the gradients to <see cref="Data"/> that backward passes found since <see cref="ZeroGradient"/>, 0 under a zero of the
    /// mask; null where there was none.
    /// </summary>
    public Tensor? Gradient { get; private set; }

    /// <summary>Axis sizes.</summary>
    public Shape Shape => Data.Shape;

    /// <summary>What modules compute with: <see cref="Data"/>, or Data x <see cref="Mask"/> (see <see cref="KeepsSign"/>).</summary>
    public Tensor Value
    {
        get
        {
            var value = Mask is null ? Data : MaskedValue(Mask);
            if (RequiresGradient)
                Tape.Current?.Watch(value, _addToGradient);
            return value;
        }
    }

    /// <summary>Forgets <see cref="Gradient"/> and recycles its memory.</summary>
    public void ZeroGradient()
    {
        if (Gradient is not null)
            TensorScope.Recycle(Gradient);
        Gradient = null;
    }

    /// <summary>Replaces the values by others of any shape; the mask must have been removed or be of that shape.</summary>
    /// <exception cref="ArgumentException">There is a mask of another shape.</exception>
    public void Replace(Tensor data)
    {
        if (Mask is not null && Mask.Shape != data.Shape)
            throw new ArgumentException($"The mask has shape {Mask.Shape}, the new values {data.Shape}; remove the mask first.", nameof(data));
        Data = TensorScope.Detach(data);
        ZeroGradient();
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
        if (Mask is not null)
            Data = MaskedValue(Mask);
        Mask = null;
        _masked = null;
    }

    /// <summary>Lifts the mask; the stored values are in force again, also those that were masked.</summary>
    public void ClearMask()
    {
        Mask = null;
        _masked = null;
    }

    private Tensor MaskedValue(Tensor mask)
    {
        var versions = (Data.Version, mask.Version);
        if (_masked is null || _maskedFrom != versions)
        {
            // Into the same memory each time: in training it changes with every step.
            using var scope = new TensorScope();
            _masked ??= TensorScope.Detach(Tensor.Empty(Data.Shape, Data.DType));
            _masked.CopyFrom(Data.Multiply(mask));
            if (!KeepsSign)
                ClearMasked(_masked.AsSpan<float>(), mask.AsReadOnlySpan<float>());
            _maskedFrom = versions;
        }
        return _masked;
    }

    private void AddToGradient(Tensor gradient)
    {
        if (Mask is not null)
            ClearMasked(gradient.AsSpan<float>(), Mask.AsReadOnlySpan<float>());
        if (Gradient is null)
        {
            Gradient = gradient;
            return;
        }
        Gradient.AddInPlace(gradient);
        TensorScope.Recycle(gradient);
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
