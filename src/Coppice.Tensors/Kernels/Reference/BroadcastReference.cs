namespace Coppice.Tensors.Kernels.Reference;

/// <summary>Broadcasting as defined: an output element takes the elements of the same indices, 0 along repeated axes.</summary>
internal static class BroadcastReference
{
    /// <summary>The output, row-major.</summary>
    public static float[] Run(Tensor a, Tensor b, Shape shape, Func<float, float, float> function)
    {
        var (left, right) = (a.ToArray<float>(), b.ToArray<float>());
        var y = new float[shape.Count];
        for (var i = 0; i < y.Length; i++)
            y[i] = function(left[Source(i, shape, a.Shape)], right[Source(i, shape, b.Shape)]);
        return y;
    }

    private static int Source(int i, Shape output, Shape input)
    {
        var (index, step) = (0, 1);
        for (var axis = 1; axis <= input.Rank; axis++)
        {
            index += input[^axis] == 1 ? 0 : i % output[^axis] * step;
            step *= input[^axis];
            i /= output[^axis];
        }
        return index;
    }
}
