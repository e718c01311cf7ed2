namespace Coppice.Tensors.Kernels;

/// <summary>Keeps a weight's packed panels beside its storage, so that a model's second forward pass finds them ready.</summary>
/// <remarks>
/// Packed on the second use of the same contents: weights in training, which change every step, never pay for panels they can't reuse.
/// Panels take as much memory again as the weight. They go when the contents change or the storage is freed.
/// </remarks>
internal sealed unsafe class PanelCache : IDisposable
{
    private int _version;
    private (int K, int N, bool Transposed) _form;
    private PackedMatrix? _panels;

    /// <summary>
    /// Panels of <paramref name="weight"/> as B[k, n] (or stored [n, k]), or null where it is used so for the first time, or is only part of
    /// its storage. Safe to call from several threads.
    /// </summary>
    public static PackedMatrix? Find(Tensor weight, int k, int n, bool transposed)
    {
        var storage = weight.Storage;
        if (!weight.IsContiguous || weight.Offset != 0 || weight.Count * sizeof(float) != storage.ByteLength)
            return null;
        lock (storage)
        {
            if (storage.Derived is not PanelCache cache || cache._version != storage.Version || cache._form != (k, n, transposed))
            {
                // Old panels are left to the collector: another thread may still be reading them.
                storage.Derived = new PanelCache { _version = storage.Version, _form = (k, n, transposed) };
                return null;
            }
            return cache._panels ??= new PackedMatrix(k, n, weight.Pointer<float>(), transposed ? k : n, transposed);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _panels?.Dispose();
}
