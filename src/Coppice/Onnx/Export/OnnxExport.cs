using Coppice.Checkpoints;
using Coppice.Graphs;
using Coppice.Tensors;
using Coppice.Tensors.Autograd;
using Coppice.Tensors.Ops;

namespace Coppice.Onnx.Export;

/// <summary>Writes traced models as ONNX.</summary>
/// <remarks>
/// Parameters and buffers become initializers under their names in the state dictionary, in their own layout, zeros where a mask is in
/// force; named axes become <c>dim_param</c>s. Ops that ONNX has no operator for are spelt out.
/// </remarks>
/// <example><code>
/// var traced = ExportTrace.Of(PretrainedModel.Open("gpt2"));
/// OnnxExport.Save(traced, "gpt2.onnx");
/// </code></example>
public static class OnnxExport
{
    /// <summary>The version of the operators where nothing else is asked for: the first with LayerNormalization.</summary>
    public const int FirstOpset = 17;

    /// <summary>The last version that can be asked for.</summary>
    public const int LastOpset = 21;

    /// <summary>Largest difference of an output to the model's, relative to its largest value, that is rounding.</summary>
    public const double Tolerance = 1e-4;

    private const long Seed = 17;

    /// <summary>A graph in ONNX's terms. Its weights are read when the model is saved.</summary>
    /// <param name="graph">The graph, traced in evaluation mode.</param>
    /// <param name="opset">Version of the operators, <see cref="FirstOpset"/> to <see cref="LastOpset"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException">The version is another.</exception>
    /// <exception cref="GraphException">A node can't be said in ONNX; the message names it and tells why.</exception>
    public static ModelProto ToModel(Graph graph, int opset = FirstOpset)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(opset, FirstOpset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(opset, LastOpset);
        using var paused = Tape.Pause();
        var model = new ModelProto { IrVersion = IrVersionOf(opset), ProducerName = "coppice", Graph = new GraphWriter(graph, opset).Write() };
        model.OpsetImports.Add(new() { Domain = "", Version = opset });
        return model;
    }

    /// <summary>Writes a model as ONNX, once the written file was opened and computed what the model itself does, at two sets of sizes that
    /// the trace did not meet.</summary>
    /// <param name="model">The model.</param>
    /// <param name="path">The new file; beyond 2 GB weights go into <c>NAME.data</c> beside it.</param>
    /// <param name="opset">Version of the operators.</param>
    /// <param name="overwrite">Whether a file that is there may be replaced.</param>
    /// <returns>The largest difference of any output, relative to its largest value.</returns>
    /// <exception cref="ExportException">The file does not compute what the model does; nothing was written.</exception>
    /// <exception cref="GraphException">A node can't be said in ONNX.</exception>
    /// <exception cref="CheckpointException">The output exists, or its folder does not.</exception>
    public static double Save(TracedModel model, string path, int opset = FirstOpset, bool overwrite = false)
    {
        var written = ToModel(model.Graph, opset);
        return OnnxFile.Place(path, overwrite, place =>
        {
            OnnxFile.Save(written, place);
            return Verify(model, place);
        });
    }

    /// <summary>Up to three times the example's sizes the trace has run the model; these are among them, and others than it met.</summary>
    private static double Verify(TracedModel model, string path)
    {
        using var file = OnnxFile.Open(path);
        var module = new OnnxModule(file);
        return Math.Max(DifferenceAt(size => Math.Max(1, size - 1)), DifferenceAt(size => 3 * size - 1));

        double DifferenceAt(Func<int, int> sizeOf) => Compare(model, module, model.Graph.Symbols.ToDictionary(symbol => symbol.Key, symbol => sizeOf(symbol.Value)));
    }

    private static double Compare(TracedModel model, OnnxModule module, IReadOnlyDictionary<string, int> sizes)
    {
        using var scope = new TensorScope();
        using var paused = Tape.Pause();
        var inputs = model.RandomInputs(Seed, sizes);
        var where = string.Join(", ", sizes.Select(size => $"{size.Key} {size.Value}"));
        var expected = model.Forward(inputs).Tensors;
        var actual = Run(module, inputs, where);
        var largest = 0.0;
        for (var i = 0; i < expected.Count; i++)
        {
            var (name, tensor) = expected[i];
            if (tensor.Shape != actual[i].Shape || tensor.DType != actual[i].DType)
                throw new ExportException($"With {where} the exported file gives output '{name}' as {actual[i]}, the model as {tensor}; {Remedy}");
            var difference = RelativeDifference.Between(tensor.Cast(DType.F32), actual[i].Cast(DType.F32))
                ?? throw new ExportException($"With {where} all of the model's output '{name}' is NaN or infinite, so the exported file can't be verified, "
                    + "and nothing was written. See whether a weight is NaN or infinite.");
            if (!(difference <= Tolerance))
                throw new ExportException($"With {where} the exported file's output '{name}' differs by {difference:G3} of the largest value from "
                    + $"the model's; {Remedy}");
            largest = Math.Max(largest, difference);
        }
        return largest;
    }

    private static Tensor[] Run(OnnxModule module, IReadOnlyList<Tensor> inputs, string where)
    {
        try
        {
            return module.Forward(inputs);
        }
        catch (Exception error) when (error is OnnxException or OpException or ArgumentException)
        {
            throw new ExportException($"With {where} the exported file does not run: {error.Message} {Remedy}", error);
        }
    }

    private const string Remedy = "nothing was written. The model may do other things at other sizes; please report it where it does not.";

    private static long IrVersionOf(int opset) => opset switch { <= 18 => 8, <= 20 => 9, _ => 10 };
}

/// <summary>An exported file does not compute what the model does; nothing was written.</summary>
public sealed class ExportException(string message, Exception? inner = null) : Exception(message, inner);
