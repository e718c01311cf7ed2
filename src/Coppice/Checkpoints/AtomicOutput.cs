namespace Coppice.Checkpoints;

/// <summary>A file or folder that is written under a temporary name beside its place and appears there whole, or not at all.</summary>
public sealed class AtomicOutput : IDisposable
{
    private readonly string _target;
    private readonly bool _overwrite;

    /// <summary>Picks the temporary name.</summary>
    /// <param name="target">Where the output shall be; its parent folder must exist.</param>
    /// <param name="overwrite">Whether what is there may be replaced.</param>
    /// <exception cref="CheckpointException">The output exists, or its parent folder does not, or can't be written to.</exception>
    public AtomicOutput(string target, bool overwrite)
    {
        _target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(target));
        _overwrite = overwrite;
        if (!overwrite && Path.Exists(_target))
            throw new CheckpointException(target, "the output exists already", "Choose another name, or ask for it to be overwritten.");
        var parent = Path.GetDirectoryName(_target) ?? throw new CheckpointException(target, "this is no place for an output",
            "Name a file or a folder.");
        if (!Directory.Exists(parent))
            throw new CheckpointException(target, $"the folder {parent} does not exist", "Make it first, or choose another output.");
        Temporary = Path.Combine(parent, $".{Path.GetFileName(_target)}.{Path.GetRandomFileName()}.tmp");
        RefuseUnwritable(parent, target);
    }

    private void RefuseUnwritable(string folder, string target)
    {
        try
        {
            File.Create(Temporary, 1, FileOptions.DeleteOnClose).Dispose();
        }
        catch (Exception error) when (error is UnauthorizedAccessException or FileNotFoundException or DirectoryNotFoundException)
        {
            throw new CheckpointException(target, $"no file can be made in the folder {folder}", "Choose another output.", error);
        }
    }

    /// <summary>Writes a whole file in place of the one that may be there.</summary>
    /// <exception cref="CheckpointException">Its parent folder does not exist.</exception>
    public static void Write(string path, ReadOnlySpan<byte> bytes)
    {
        using var output = new AtomicOutput(path, overwrite: true);
        File.WriteAllBytes(output.Temporary, bytes);
        output.Commit();
    }

    /// <summary>The same with text, as UTF-8.</summary>
    /// <inheritdoc cref="Write(string, ReadOnlySpan{byte})" path="/exception"/>
    public static void Write(string path, string text) => Write(path, System.Text.Encoding.UTF8.GetBytes(text));

    /// <summary>Where to write.</summary>
    public string Temporary { get; }

    /// <summary>Puts what was written into its place.</summary>
    public void Commit()
    {
        if (File.Exists(Temporary))
            File.Move(Temporary, _target, _overwrite);
        else
            MoveFolder();
    }

    /// <summary>Removes what was written, unless it was committed.</summary>
    public void Dispose()
    {
        if (File.Exists(Temporary))
            File.Delete(Temporary);
        else if (Directory.Exists(Temporary))
            Directory.Delete(Temporary, recursive: true);
    }

    private void MoveFolder()
    {
        if (!Directory.Exists(_target))
        {
            Directory.Move(Temporary, _target);
            return;
        }
        var old = Temporary + ".old";
        Directory.Move(_target, old);
        try
        {
            Directory.Move(Temporary, _target);
        }
        catch
        {
            Directory.Move(old, _target);
            throw;
        }
        Directory.Delete(old, recursive: true);
    }
}
