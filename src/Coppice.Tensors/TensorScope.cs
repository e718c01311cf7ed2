namespace Coppice.Tensors;

/// <summary>Bounds the life of intermediate tensors: memory of those made on this thread inside the scope is recycled at its end, unless kept.</summary>
/// <remarks>Scopes nest; they belong to the thread that made them and are disposed in reverse order.</remarks>
public sealed class TensorScope : IDisposable
{
    [ThreadStatic]
    private static TensorScope? s_current;

    private readonly TensorScope? _outer = s_current;
    private readonly HashSet<Storage> _tracked = [];

    /// <summary>Opens a scope on this thread.</summary>
    public TensorScope() : this(long.MaxValue)
    {
    }

    /// <summary>Opens a scope in which only so much memory may be asked for: <see cref="InsufficientMemoryException"/> otherwise, before anything
    /// is allocated.</summary>
    /// <param name="mostBytes">Of all tensors made in it on this thread, released ones too.</param>
    public TensorScope(long mostBytes) => (s_current, BytesLeft) = (this, mostBytes);

    /// <summary>How much may still be asked for.</summary>
    public long BytesLeft { get; private set; }

    internal static TensorScope? Current => s_current;

    /// <summary>Counts memory that is about to be allocated.</summary>
    internal static void Charge(long bytes)
    {
        for (var scope = s_current; scope is not null; scope = scope._outer)
            scope.BytesLeft = bytes <= scope.BytesLeft ? scope.BytesLeft - bytes
                : throw new InsufficientMemoryException($"a tensor of {bytes} bytes is over the limit, of which {scope.BytesLeft} are left");
    }

    internal void Track(Storage storage) => _tracked.Add(storage);

    internal bool Owns(Storage storage) => _tracked.Contains(storage);

    /// <summary>Takes over a storage from the scopes that were opened inside this one.</summary>
    internal void Adopt(Storage storage)
    {
        for (var scope = s_current; scope is not null && scope != this; scope = scope._outer)
            if (scope._tracked.Remove(storage))
                Track(storage);
    }

    /// <summary>Recycles a tensor's memory now, where this scope owns it; no view of it may be used again.</summary>
    public void Release(Tensor tensor)
    {
        if (_tracked.Remove(tensor.Storage))
            tensor.Storage.Dispose();
    }

    /// <summary>Lets a tensor outlive this scope: it passes to the enclosing scope, or to the garbage collector.</summary>
    public Tensor Keep(Tensor tensor)
    {
        if (_tracked.Remove(tensor.Storage))
            _outer?.Track(tensor.Storage);
        return tensor;
    }

    /// <summary>Takes a tensor out of every open scope of this thread: it lives as long as it is referenced, like a parameter.</summary>
    public static Tensor Detach(Tensor tensor)
    {
        for (var scope = s_current; scope is not null; scope = scope._outer)
            scope._tracked.Remove(tensor.Storage);
        return tensor;
    }

    /// <summary>Recycles the memory of a tensor at once, for one that no scope holds; no view of it may be used again.</summary>
    public static void Recycle(Tensor tensor)
    {
        Detach(tensor);
        tensor.Storage.Dispose();
    }

    /// <summary>Recycles the memory of every tensor made in the scope and not kept.</summary>
    public void Dispose()
    {
        if (s_current != this)
            throw new InvalidOperationException("TensorScope disposed out of order, or on another thread than the one that opened it.");
        s_current = _outer;
        foreach (var storage in _tracked)
            storage.Dispose();
    }
}
