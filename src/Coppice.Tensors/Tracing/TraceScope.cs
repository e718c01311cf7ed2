using Coppice.Tensors.Ops;

namespace Coppice.Tensors.Tracing;

/// <summary>Listens to every op applied on this thread while it is open; what a graph is built from.</summary>
/// <remarks>Independent of gradients: integer ops, views and inference are seen too. Scopes nest; the innermost listens.</remarks>
public abstract class TraceScope : IDisposable
{
    [ThreadStatic]
    private static TraceScope? s_current;

    private readonly TraceScope? _outer = s_current;

    /// <summary>Starts listening on this thread.</summary>
    protected TraceScope() => s_current = this;

    internal static TraceScope? Current => s_current;

    /// <summary>Called once for each op, after it ran.</summary>
    public abstract void Record(Op op, ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs);

    /// <summary>Stops listening.</summary>
    public void Dispose()
    {
        s_current = _outer;
        GC.SuppressFinalize(this);
    }
}
