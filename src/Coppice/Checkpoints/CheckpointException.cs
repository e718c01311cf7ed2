namespace Coppice.Checkpoints;

/// <summary>A checkpoint can't be read or written; the message names the file, what is wrong where, and what to do.</summary>
public sealed class CheckpointException : Exception
{
    /// <summary>An error about one file or folder.</summary>
    /// <param name="path">The file or folder.</param>
    /// <param name="problem">What is wrong, with the tensor or offset; no full stop at the end.</param>
    /// <param name="remedy">What to do next; a sentence.</param>
    /// <param name="cause">The error underneath, where there is one.</param>
    public CheckpointException(string path, string problem, string remedy, Exception? cause = null)
        : base($"{path}: {problem}. {remedy}", cause) => Path = path;

    /// <summary>The file or folder the error is about.</summary>
    public string Path { get; }
}
