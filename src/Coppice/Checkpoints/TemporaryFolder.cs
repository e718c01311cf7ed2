namespace Coppice.Checkpoints;

/// <summary>A folder for files that nobody needs afterwards.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("coppice-");

    /// <summary>Its full path.</summary>
    public string FullName => _folder.FullName;

    /// <summary>Full path of a name within.</summary>
    public string this[string name] => Path.Combine(_folder.FullName, name);

    public void Dispose() => _folder.Delete(recursive: true);
}
