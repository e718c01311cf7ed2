using Coppice.Checkpoints;

namespace Coppice.Tests.Checkpoints;

public sealed class AtomicOutputTests
{
    [Fact]
    public void Write_FileIsThere_ReplacesItAndLeavesNothingElse()
    {
        using var folder = new TempFolder();
        AtomicOutput.Write(folder.Write("a.json", [1, 2, 3]), "é\n");
        Assert.Equal([0xC3, 0xA9, (byte)'\n'], File.ReadAllBytes(folder["a.json"]));
        Assert.Equal(["a.json"], folder.Names());
    }

    [Fact]
    public void Write_PlaceCanNotBeTaken_LeavesNothing()
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder["a.json"]);
        Assert.ThrowsAny<IOException>(() => AtomicOutput.Write(folder["a.json"], [1]));
        Assert.Equal(["a.json"], folder.Names());
    }

    [Fact]
    public void Write_FolderThatTakesNoFiles_SaysSo()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "/proc is Linux's.");
        var error = Assert.Throws<CheckpointException>(() => AtomicOutput.Write("/proc/a.json", [1]));
        Assert.Contains("no file can be made in the folder /proc", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Write_NoSuchFolder_SaysSo()
    {
        using var folder = new TempFolder();
        var error = Assert.Throws<CheckpointException>(() => AtomicOutput.Write(folder["b/a.json"], [1]));
        Assert.Contains("does not exist", error.Message, StringComparison.Ordinal);
    }
}
