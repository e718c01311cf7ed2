using Coppice.Onnx;
using Coppice.Tensors;

namespace Coppice.Tests.Onnx;

/// <summary>Models of one node, written to a file and run.</summary>
internal static class OneNode
{
    /// <summary>The outputs of a node that reads these tensors; null stands for an input left out.</summary>
    public static Tensor[] Run(string op, IReadOnlyList<Tensor?> inputs, int outputs = 1, long opset = 17, params AttributeProto[] attributes)
    {
        using var folder = new TempFolder();
        OnnxFile.Save(Model(op, inputs, outputs, opset, attributes), folder["m.onnx"]);
        using var file = OnnxFile.Open(folder["m.onnx"]);
        return new OnnxModule(file).Forward([.. inputs.OfType<Tensor>()]);
    }

    public static ModelProto Model(string op, IReadOnlyList<Tensor?> inputs, int outputs, long opset, params AttributeProto[] attributes)
    {
        var node = new NodeProto { OpType = op, Name = "n" };
        var graph = new GraphProto { Name = "g" };
        for (var i = 0; i < inputs.Count; i++)
        {
            node.Inputs.Add(inputs[i] is null ? "" : $"x{i}");
            if (inputs[i] is { } tensor)
                graph.Inputs.Add(ValueInfoProto.From($"x{i}", tensor.DType.ToOnnx(), tensor.Shape.Select(size => new Dimension { Value = size })));
        }
        for (var i = 0; i < outputs; i++)
        {
            node.Outputs.Add($"y{i}");
            graph.Outputs.Add(new() { Name = $"y{i}" });
        }
        node.Attributes.AddRange(attributes);
        graph.Nodes.Add(node);
        var model = new ModelProto { IrVersion = 8, Graph = graph };
        model.OpsetImports.Add(new() { Domain = "", Version = opset });
        return model;
    }
}
