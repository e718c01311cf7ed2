namespace Coppice.Tests;

/// <summary>Where tests find committed samples and, where they exist, the larger models and data.</summary>
public static class TestData
{
    /// <summary>The repository's root: the nearest folder above the test binary that holds Coppice.slnx.</summary>
    public static string Root { get; } = FindRoot();

    /// <summary>A path under the repository's root.</summary>
    public static string InRepository(params string[] parts) => Path.Combine([Root, .. parts]);

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "Coppice.slnx")))
                return folder.FullName;
        throw new InvalidOperationException("Coppice.slnx was not found above the test binaries.");
    }
}
