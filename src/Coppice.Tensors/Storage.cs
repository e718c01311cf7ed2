using System.Collections.Concurrent;
using System.Numerics;
using Coppice.Tensors.Kernels;

namespace Coppice.Tensors;

/// <summary>A block of aligned native memory that one or more tensors view. Blocks are recycled by size class.</summary>
/// <remarks>
/// Freed by <see cref="TensorScope"/> at the end of the scope it was made in, or by the finalizer.
/// Reuse spares the first-touch page faults, which cost more than most element-wise work.
/// </remarks>
internal sealed unsafe class Storage : IDisposable
{
    private const int Alignment = 64;
    private const long LargestPooled = 1L << 28;
    private static readonly ConcurrentBag<nint>[] Pool = [.. Enumerable.Range(0, 64).Select(_ => new ConcurrentBag<nint>())];

    private readonly long _capacity;
    private nint _pointer;
    private int _version;

    public Storage(long byteLength)
    {
        TensorScope.Charge(byteLength);
        ByteLength = byteLength;
        _capacity = (long)BitOperations.RoundUpToPowerOf2((ulong)Math.Max(byteLength, 256));
        if (_capacity > LargestPooled)
            _capacity = byteLength + Alignment - byteLength % Alignment;
        _pointer = _capacity <= LargestPooled && Pool[BitOperations.Log2((ulong)_capacity)].TryTake(out var recycled)
            ? recycled
            : (nint)AlignedMemory.Allocate((nuint)_capacity);
        if (_capacity > LargestPooled)
            GC.AddMemoryPressure(_capacity);
        TensorScope.Current?.Track(this);
    }

    ~Storage() => Free();

    public long ByteLength { get; }

    /// <summary>Rises with each access that may write, so that what was derived from the contents (packed panels, masks) knows when it is stale.</summary>
    public int Version => _version;

    /// <summary>What kernels derived from the contents, with the version it was derived from.</summary>
    public object? Derived { get; set; }

    public byte* Pointer => _pointer != 0 ? (byte*)_pointer : throw new ObjectDisposedException(nameof(Tensor),
        "This tensor's memory was released with the TensorScope it was made in; call scope.Keep(tensor) to use it afterwards.");

    public void MarkWritten() => _version++;

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        var pointer = Interlocked.Exchange(ref _pointer, 0);
        if (pointer == 0)
            return;
        (Derived as IDisposable)?.Dispose();
        if (_capacity <= LargestPooled)
        {
            Pool[BitOperations.Log2((ulong)_capacity)].Add(pointer);
            return;
        }
        AlignedMemory.Free((void*)pointer);
        GC.RemoveMemoryPressure(_capacity);
    }
}
