using Coppice.Tensors;

namespace Coppice.Pruning.Masks;

/// <summary>Arithmetic of masks: F32 tensors of zeros and ones.</summary>
internal static class BinaryMask
{
    public static Tensor Copy(Tensor tensor) => Tensor.From(tensor.AsReadOnlySpan<float>(), tensor.Shape);

    /// <summary>Whether nothing is pruned.</summary>
    public static bool IsOnes(Tensor mask) => !mask.AsReadOnlySpan<float>().ContainsAnyExcept(1);

    /// <summary>How many entries remain.</summary>
    public static long CountOnes(Tensor mask) => mask.AsReadOnlySpan<float>().Count(1);

    /// <summary>1 where both masks are.</summary>
    /// <exception cref="ArgumentException"><paramref name="second"/> holds anything but 0 and 1.</exception>
    public static Tensor And(Tensor first, Tensor second, string subject)
    {
        var a = first.AsReadOnlySpan<float>();
        var b = second.AsReadOnlySpan<float>();
        var result = Tensor.Empty(first.Shape);
        var target = result.AsSpan<float>();
        for (var i = 0; i < target.Length; i++)
        {
            if (b[i] is not (0 or 1))
                throw new ArgumentException($"{subject} holds {b[i]} at flat index {i}; a mask holds only 0 (pruned) and 1 (kept).");
            target[i] = a[i] != 0 && b[i] != 0 ? 1 : 0;
        }
        GC.KeepAlive(second); // may be a method's own, held by no scope
        return result;
    }

    /// <summary>The values with zeros where the mask is 0.</summary>
    public static Tensor Apply(Tensor values, Tensor mask)
    {
        var result = Copy(values);
        var target = result.AsSpan<float>();
        var kept = mask.AsReadOnlySpan<float>();
        for (var i = 0; i < target.Length; i++)
            if (kept[i] == 0)
                target[i] = 0;
        return result;
    }

    /// <summary>Checks that no remaining entry is NaN.</summary>
    public static void RefuseNaN(Tensor scores, Tensor mask, string label)
    {
        var values = scores.AsReadOnlySpan<float>();
        var remains = mask.AsReadOnlySpan<float>();
        var count = 0;
        for (var i = 0; i < values.Length; i++)
            if (float.IsNaN(values[i]) && remains[i] != 0)
                count++;
        if (count > 0)
            throw new PruningException($"{count} of the {values.Length} values or scores of {label} are NaN and can't be ranked. "
                + "Repair the weights, mask these entries first, or ask for torch semantics, which keeps NaN as the most important.");
    }
}
