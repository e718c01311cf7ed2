namespace Coppice.Onnx;

/// <summary>An ONNX model can't be read, written or run; the message names the file, what is wrong where, and what to do.</summary>
public sealed class OnnxException : Exception
{
    /// <summary>An error about one file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="problem">What is wrong, with the node, tensor or byte; no full stop at the end.</param>
    /// <param name="remedy">What to do next; a sentence.</param>
    /// <param name="cause">The error underneath, where there is one.</param>
    public OnnxException(string path, string problem, string remedy, Exception? cause = null)
        : base($"{path}: {problem}. {remedy}", cause) => Path = path;

    /// <summary>The file the error is about.</summary>
    public string Path { get; }
}
