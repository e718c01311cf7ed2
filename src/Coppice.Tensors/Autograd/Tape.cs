using Coppice.Tensors.Ops;

namespace Coppice.Tensors.Autograd;

/// <summary>Remembers the ops that lead from watched tensors to a loss, and computes the loss's gradient to each of them.</summary>
/// <remarks>
/// <para>
/// Reverse-mode differentiation: an open tape records each op on its thread that reads a watched tensor or what was computed from one;
/// <see cref="Backward(Tensor)"/> then walks the ops in reverse order. Without a tape nothing is recorded or kept.
/// </para>
/// <para>
/// A tape is a <see cref="TensorScope"/> too: what is computed while it is open, also inside inner scopes, lives until it is disposed and
/// its memory is then recycled. Tapes nest; the innermost records. They belong to the thread that made them.
/// </para>
/// </remarks>
/// <example><code>
/// using var tape = new Tape();
/// tape.Watch(weight);
/// var gradients = tape.Backward(x.Linear(weight).MeanSquaredError(target));
/// </code></example>
public sealed class Tape : IDisposable
{
    [ThreadStatic]
    private static Tape? s_current;

    [ThreadStatic]
    private static Tape? s_differentiating;

    private readonly Tape? _outer = s_current;
    private readonly TensorScope _scope = new();
    private readonly List<TapeEntry> _entries = [];
    private readonly HashSet<Tensor> _tracked = [];
    private readonly Dictionary<Tensor, Action<Tensor>?> _leaves = [];
    private readonly Dictionary<Tensor, List<Func<Tensor, Tensor?>>> _hooks = [];
    private BackwardPass? _pass;
    private bool _disposed;

    /// <summary>Opens a tape on this thread.</summary>
    public Tape() => s_current = this;

    /// <summary>The tape that records on this thread; null without one and while it is paused.</summary>
    public static Tape? Current => s_current;

    /// <summary>Whether every output and gradient is checked for NaN and infinities, at the price of one more pass over each.</summary>
    /// <remarks>The first found throws an <see cref="OpException"/> that names the op.</remarks>
    public bool DetectsNonFinite { get; init; }

    /// <summary>Stops recording on this thread until the returned object is disposed.</summary>
    public static IDisposable Pause() => new PausedTape();

    /// <summary>Whether an op that is being differentiated must compute this input's gradient; true outside a backward pass.</summary>
    public static bool Needs(Tensor input) => s_differentiating is not { } tape || tape._tracked.Contains(input);

    /// <summary>Whether an op is being differentiated and this input's gradient is asked for.</summary>
    internal static bool Differentiates(Tensor input) => s_differentiating is { } tape && tape._tracked.Contains(input);

    /// <summary>The gradient to this input that other ops have found so far, to be added to where it lies; null where there is none.</summary>
    internal static Tensor? OpenSum(Tensor input) => s_differentiating?._pass?.OpenSum(input);

    /// <summary>Asks for the gradient to a tensor; call it before the tensor is used.</summary>
    /// <param name="tensor">An F32 tensor. It is known by identity: a view of it made elsewhere is another tensor.</param>
    /// <param name="receive">
    /// Called with the gradient, which is the receiver's to keep; without it, <see cref="Backward(Tensor)"/> returns the gradient.
    /// </param>
    /// <exception cref="ArgumentException">The tensor is not F32.</exception>
    public void Watch(Tensor tensor, Action<Tensor>? receive = null)
    {
        if (tensor.DType != DType.F32)
            throw new ArgumentException($"Gradients are F32; {tensor} has none. Cast it first.", nameof(tensor));
        _tracked.Add(tensor);
        _leaves[tensor] = receive;
    }

    /// <summary>
    /// Calls <paramref name="hook"/> with the whole gradient to a recorded tensor before it flows on; what it returns takes its place.
    /// </summary>
    /// <param name="tensor">A watched tensor, or one computed from watched ones.</param>
    /// <param name="hook">
    /// Given the gradient, not to be written to or kept; returns one of the same shape, or null to leave it as it is.
    /// </param>
    /// <exception cref="ArgumentException">The tensor is not on this tape.</exception>
    public void OnGradient(Tensor tensor, Func<Tensor, Tensor?> hook)
    {
        if (!_tracked.Contains(tensor))
            throw new ArgumentException(
                $"{tensor} is not on this tape: watch it, or compute it from watched tensors, first.", nameof(tensor));
        if (!_hooks.TryGetValue(tensor, out var hooks))
            _hooks.Add(tensor, hooks = []);
        hooks.Add(hook);
    }

    /// <summary>The gradient of a loss to every watched tensor it depends on that has no receiver; receivers are called.</summary>
    /// <param name="loss">One F32 element, computed while this tape recorded.</param>
    /// <returns>Gradients by tensor, each of its tensor's shape, not bound to any scope.</returns>
    /// <exception cref="ArgumentException">The loss has several elements, or does not depend on a watched tensor.</exception>
    /// <exception cref="InvalidOperationException">A tensor that an op read was written to since.</exception>
    /// <exception cref="NotSupportedException">An op on the way has no gradient.</exception>
    /// <exception cref="OpException">A gradient does not fit its input, or is not finite where that is checked.</exception>
    public IReadOnlyDictionary<Tensor, Tensor> Backward(Tensor loss)
    {
        if (loss.DType != DType.F32 || loss.Count != 1)
            throw new ArgumentException($"Backward starts from one F32 element, not from {loss}: take Sum or Mean first.", nameof(loss));
        return Backward(loss, Tensor.Full(loss.Shape, 1));
    }

    /// <summary>The same from any output and the gradient of something to it, of the output's shape.</summary>
    /// <inheritdoc cref="Backward(Tensor)"/>
    public IReadOnlyDictionary<Tensor, Tensor> Backward(Tensor output, Tensor gradient)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (!_tracked.Contains(output))
            throw new ArgumentException($"{output} was not computed from watched tensors while this tape recorded.", nameof(output));
        if (gradient.Shape != output.Shape || gradient.DType != DType.F32)
            throw new ArgumentException($"A gradient of {gradient} does not fit an output of {output}.", nameof(gradient));
        var (before, passBefore) = (s_differentiating, _pass);
        s_differentiating = this;
        try
        {
            using var paused = Pause();
            _pass = new BackwardPass(_entries, _tracked, _leaves, _hooks, DetectsNonFinite);
            return _pass.Run(output, gradient);
        }
        finally
        {
            (s_differentiating, _pass) = (before, passBefore);
        }
    }

    /// <summary>Whether a tensor is watched, or was computed from watched ones while this tape recorded.</summary>
    public bool Tracks(Tensor tensor) => _tracked.Contains(tensor);

    /// <summary>Ends recording and recycles the memory of what was computed while the tape was open.</summary>
    /// <exception cref="InvalidOperationException">It is not the innermost tape of this thread.</exception>
    public void Dispose()
    {
        if (_disposed)
            return;
        if (s_current != this)
            throw new InvalidOperationException("Tape disposed out of order, or on another thread than the one that opened it.");
        _disposed = true;
        s_current = _outer;
        _scope.Dispose();
    }

    /// <summary>Called once for each op, after it ran.</summary>
    internal void Record(Op op, ReadOnlySpan<Tensor> inputs, ReadOnlySpan<Tensor> outputs)
    {
        if (DetectsNonFinite)
            foreach (var output in outputs)
                NonFinite.Refuse(output, op, inputs, "its output");
        if (!IsTracked(op, inputs))
            return;
        _entries.Add(new(op, inputs, outputs));
        foreach (var input in inputs)
            _scope.Adopt(input.Storage);
        foreach (var output in outputs)
        {
            _scope.Adopt(output.Storage);
            if (output.DType.IsFloatingPoint())
                _tracked.Add(output);
        }
    }

    // A stretch to be recomputed may read parameters that are not among its inputs.
    private bool IsTracked(Op op, ReadOnlySpan<Tensor> inputs)
    {
        if (op is Recompute)
            return true;
        foreach (var input in inputs)
            if (_tracked.Contains(input))
                return true;
        return false;
    }

    private sealed class PausedTape : IDisposable
    {
        private readonly Tape? _paused = s_current;

        public PausedTape() => s_current = null;

        public void Dispose() => s_current = _paused;
    }
}
