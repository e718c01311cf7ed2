namespace Coppice.Graphs;

/// <summary>A graph can't be made or run; the message names the node or value, what is wrong, and what to do.</summary>
public sealed class GraphException(string message, Exception? inner = null) : Exception(message, inner);
