using Coppice.Checkpoints;
using Coppice.Tensors;

namespace Coppice.Cli.Tests;

/// <summary>Small files made for one test, and what is in files that were written.</summary>
internal static class TinyCheckpoint
{
    public static string Write(TempFolder folder, string name, params (string Name, int[] Shape, float[] Values)[] tensors)
    {
        var path = Path.Combine(folder.Path, name);
        Checkpoint.SaveNew(path,
            tensors.Select(tensor => TensorSource.From(tensor.Name, Tensor.From<float>(tensor.Values, Shape.Create(tensor.Shape)))));
        return path;
    }

    public static float[] Values(string path, string tensor)
    {
        using var checkpoint = Checkpoint.Open(path);
        return checkpoint[tensor].ToSingle().ToArray<float>();
    }

    public static CheckpointFormat FormatOf(string path)
    {
        using var checkpoint = Checkpoint.Open(path);
        return checkpoint.Format;
    }

    /// <summary>Copies the files of a sample folder, one of them changed on the way.</summary>
    public static string CopyModel(TempFolder folder, string model, string changed, Func<string, string> change)
    {
        foreach (var file in Directory.GetFiles(model))
            File.Copy(file, Path.Combine(folder.Path, Path.GetFileName(file)));
        var path = Path.Combine(folder.Path, changed);
        File.WriteAllText(path, change(File.ReadAllText(path)));
        return folder.Path;
    }
}
