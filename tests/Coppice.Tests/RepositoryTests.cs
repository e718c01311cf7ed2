namespace Coppice.Tests;

public sealed class RepositoryTests
{
    [Fact]
    public void Samples_AreCommitted() => Assert.True(File.Exists(TestData.InRepository("samples", "models", "gpt2-student", "config.json")));
}
