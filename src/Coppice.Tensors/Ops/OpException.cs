namespace Coppice.Tensors.Ops;

/// <summary>The inputs of an op do not fit it; the message names the op, every input's type and shape, and what was expected.</summary>
public sealed class OpException(string message) : Exception(message);
