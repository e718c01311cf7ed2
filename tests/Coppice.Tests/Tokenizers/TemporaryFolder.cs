namespace Coppice.Tests.Tokenizers;

/// <summary>A folder of tokenizer files made for one test.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("coppice-").FullName;

    public TemporaryFolder With(string file, string text)
    {
        File.WriteAllText(System.IO.Path.Combine(Path, file), text);
        return this;
    }

    /// <summary>Copies a file of a sample model, changed on the way.</summary>
    public TemporaryFolder WithSample(string model, string file, Func<string, string>? change = null)
    {
        var text = File.ReadAllText(TestData.InRepository("samples", "models", model, file));
        return With(file, change is null ? text : change(text));
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
