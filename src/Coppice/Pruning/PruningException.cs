namespace Coppice.Pruning;

/// <summary>A pruning request that can't be carried out; the message says what was wrong and what to do next.</summary>
public sealed class PruningException(string message, Exception? inner = null) : Exception(message, inner);
