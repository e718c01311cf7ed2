namespace Coppice.Tensors;

/// <summary>Makes computations of this thread cancellable between ops, whatever code asks for them, until it is disposed.</summary>
/// <remarks>Analysing, calibrating and verifying a model are made of many ops through many layers of code; a token handed through all of
/// them would say no more. What an exception of an op leaves as it was, this one does too.</remarks>
/// <example><code>
/// using var interruption = new Interruption(cancellation);
/// var pruning = OnnxPruning.Open("model.onnx"); // throws OperationCanceledException soon after the token is cancelled
/// </code></example>
public sealed class Interruption : IDisposable
{
    [ThreadStatic]
    private static CancellationToken s_token;

    private readonly CancellationToken _outer = s_token;

    /// <summary>From now on each op throws <see cref="OperationCanceledException"/> once the token is cancelled.</summary>
    public Interruption(CancellationToken cancellation) => s_token = cancellation;

    /// <summary>Ends it; one that it was opened in holds again.</summary>
    public void Dispose() => s_token = _outer;

    internal static void Check() => s_token.ThrowIfCancellationRequested();
}
