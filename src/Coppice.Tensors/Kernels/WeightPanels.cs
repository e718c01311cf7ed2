namespace Coppice.Tensors.Kernels;

/// <summary>Keeps the packed panels of weights that are used again without having changed.</summary>
internal sealed class WeightPanels(int version, bool transposed) : IDisposable
{
    /// <summary>The panels of a weight, or null at its first use with these contents.</summary>
    /// <param name="weight">Contiguous, two axes.</param>
    /// <param name="k">Rows of the matrix to multiply by.</param>
    /// <param name="n">Its columns.</param>
    /// <param name="transposed">Whether the weight is stored [n, k].</param>
    public static unsafe PackedMatrix? Find(Tensor weight, int k, int n, bool transposed)
    {
        var storage = weight.Storage;
        if (weight.Offset != 0 || weight.Count * sizeof(float) != storage.ByteLength)
            return null;
        lock (storage)
        {
            var found = storage.Derived as WeightPanels;
            if (found is null || !found.IsOf(storage.Version, transposed))
            {
                storage.Derived = new WeightPanels(storage.Version, transposed);
                return null;
            }
            return found.Panels ??= new PackedMatrix(k, n, weight.Pointer<float>(), transposed ? k : n, transposed);
        }
    }

    private PackedMatrix? Panels { get; set; }

    public void Dispose() => Panels?.Dispose();

    private bool IsOf(int otherVersion, bool otherTransposed) => version == otherVersion && transposed == otherTransposed;
}
