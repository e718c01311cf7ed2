using Coppice.Checkpoints;
using Coppice.Graphs;
using Coppice.Models;
using Coppice.Models.Vision;
using Coppice.Onnx;
using Coppice.Onnx.Export;
using Coppice.Pruning;
using Coppice.Pruning.Dependency;
using Coppice.Pruning.Onnx;
using Coppice.Tensors;

namespace Coppice.Bench;

/// <summary>ONNX files with inputs and the outputs they must give, for bench/onnxruntime/compare.mjs to run in another runtime.</summary>
internal static class OnnxRuntimeCases
{
    private static readonly int[] Lengths = [1, 4, 13];

    private const long Seed = 11;

    /// <summary>Writes NAME.onnx and NAME.N.safetensors for each model.</summary>
    /// <param name="output">The folder to write to.</param>
    /// <param name="models">Hugging Face folders and FILE:ARCHITECTURE, which are exported; ONNX files, which are taken as they are and
    /// with every second index of each group removed.</param>
    public static int Write(string output, IReadOnlyList<string> models)
    {
        Directory.CreateDirectory(output);
        foreach (var model in models)
            try
            {
                using var scope = new TensorScope();
                Write(model, output);
            }
            catch (Exception error) when (error is OnnxException or GraphException or PruningException or VerificationException)
            {
                Console.WriteLine($"{model}: {error.Message}");
            }
        return 0;
    }

    private static void Write(string model, string output)
    {
        var name = Path.GetFileNameWithoutExtension(model.Split(':')[0].TrimEnd('/'));
        if (model.EndsWith(".onnx", StringComparison.Ordinal))
            Halve(model, Path.Combine(output, name));
        else if (model.Split(':') is [var file, var architecture])
            Export(ExportTrace.Of(PretrainedVisionModel.Open(file, architecture)), Path.Combine(output, name));
        else
        {
            var opened = PretrainedModel.Open(model);
            Export(ExportTrace.Of(opened), Path.Combine(output, name));
            if (opened.Module is not ICausalLanguageModel)
                return;
            Export(ExportTrace.Of(opened, TextInputs.Mask), Path.Combine(output, $"{name}-mask"));
            Export(ExportTrace.Of(opened, TextInputs.Past), Path.Combine(output, $"{name}-past"));
        }
    }

    private static void Export(TracedModel model, string path)
    {
        OnnxExport.Save(model, path + ".onnx", overwrite: true);
        foreach (var (number, length) in Lengths.Index())
        {
            var sizes = model.Graph.Symbols.Keys.ToDictionary(symbol => symbol, symbol => symbol == "batch" ? number + 1 : length);
            SaveCase($"{path}.{number}.safetensors", model, model.RandomInputs(Seed + number, sizes));
        }
    }

    private static void Halve(string file, string path)
    {
        var pruning = OnnxPruning.Open(OnnxPruningTable.WithWeights(file, path + ".onnx"));
        SaveCase(path + ".0.safetensors", pruning);
        var removal = new Removal(pruning.Dependencies);
        foreach (var group in pruning.Dependencies.Groups)
            removal.Remove(group, Enumerable.Range(0, group.Size / 2).Select(i => 2 * i + 1));
        pruning.Save(removal, path + "-half.onnx", overwrite: true);
        SaveCase(path + "-half.0.safetensors", OnnxPruning.Open(path + "-half.onnx"));
    }

    private static void SaveCase(string path, OnnxPruning opened)
    {
        var model = new TracedModel("onnx", opened.Module, opened.Graph, inputs => new Dictionary<string, Tensor>(
            opened.Module.Outputs.Zip(opened.Module.Forward(inputs), (output, tensor) => KeyValuePair.Create(output.Name, tensor))));
        SaveCase(path, model, model.RandomInputs(Seed));
    }

    private static void SaveCase(string path, TracedModel model, IReadOnlyList<Tensor> inputs)
    {
        var given = model.Graph.Inputs.Zip(inputs, (input, tensor) => TensorSource.From($"in.{input.Name}", tensor));
        var expected = model.Forward(inputs).Tensors.Select(output => TensorSource.From($"out.{output.Name}", output.Tensor.Contiguous()));
        Checkpoint.SaveNew(path, given.Concat(expected), new() { Overwrite = true });
    }
}
