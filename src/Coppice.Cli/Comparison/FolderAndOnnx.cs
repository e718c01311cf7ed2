using Coppice.Cli.Structural;
using Coppice.Graphs;
using Coppice.Models;
using Coppice.Onnx;
using Coppice.Onnx.Export;

namespace Coppice.Cli.Comparison;

/// <summary>A Hugging Face folder beside an ONNX file, such as its export.</summary>
internal static class FolderAndOnnx
{
    /// <summary>Whether one path is a folder whose model can be run, the other an ONNX file.</summary>
    public static bool Are(string before, string after) => Weights.IsOnnx(before) ? PretrainedModel.CanOpen(after)
        : Weights.IsOnnx(after) && PretrainedModel.CanOpen(before);

    /// <summary>Both, to be run on the same inputs.</summary>
    /// <exception cref="GraphException">The folder's model can't be followed.</exception>
    /// <exception cref="OnnxException">The file can't be, or it takes other inputs.</exception>
    public static (RunnableModel Before, RunnableModel After) Open(string before, string after)
    {
        var (folder, file) = Weights.IsOnnx(before) ? (after, before) : (before, after);
        var model = PretrainedModel.Open(folder);
        var names = InputsOf(file);
        var traced = ExportTrace.Of(model, KindOf(model, names), MeasureMemoryCommand.Tokens);
        if (!traced.Graph.Inputs.Select(input => input.Name).SequenceEqual(names))
            throw new OnnxException(file, $"it takes {string.Join(", ", names)}, and the model of {folder} "
                + string.Join(", ", traced.Graph.Inputs.Select(input => input.Name)), "Compare it with another ONNX file.");
        string[] sizes = [.. traced.Graph.Inputs.Select(input => $"{input.Name}={string.Join('x', input.SampleShape)}")];
        var first = new RunnableModel(folder, traced, () => PretrainedModel.Open(folder), []);
        var second = new RunnableModel(file, OpenedModel.Open(file, null, sizes).Traced, () => RunnableSections.LoadOnnx(file),
            [.. sizes.SelectMany(size => new[] { StructuralOptions.Input.Name, size })]);
        return folder == before ? (first, second) : (second, first);
    }

    private static IReadOnlyList<string> InputsOf(string path)
    {
        using var file = OnnxFile.Open(path);
        return [.. new OnnxModule(file).Inputs.Select(input => input.Name)];
    }

    private static TextInputs KindOf(PretrainedModel model, IReadOnlyList<string> names) =>
        names.Any(name => name.StartsWith(ExportTrace.PastPrefix, StringComparison.Ordinal)) ? TextInputs.Past
        : model.Module is ICausalLanguageModel && names.Contains(ExportTrace.MaskName) ? TextInputs.Mask
        : TextInputs.Ids;
}
