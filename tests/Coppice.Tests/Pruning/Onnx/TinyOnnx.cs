using Coppice.Checkpoints;
using Coppice.Onnx;
using Coppice.Tensors;

namespace Coppice.Tests.Pruning.Onnx;

/// <summary>A file of a few nodes, random weights <c>[outputs, inputs, 1, 1]</c> and the like, input <c>x</c> and output <c>y</c>.</summary>
internal sealed class TinyOnnx
{
    private readonly RandomSource _random = new(1);

    public GraphProto Graph { get; } = new() { Name = "g" };

    /// <summary>A graph in an attribute.</summary>
    public static AttributeProto Body(string attribute, string[] inputs, string[] outputs, params NodeProto[] nodes)
    {
        var graph = new GraphProto { Name = attribute };
        graph.Inputs.AddRange(inputs.Select(name => new ValueInfoProto { Name = name }));
        graph.Outputs.AddRange(outputs.Select(name => new ValueInfoProto { Name = name }));
        graph.Nodes.AddRange(nodes);
        return new() { Name = attribute, Type = AttributeType.Graph, Graph = graph };
    }

    public static NodeProto Node(string op, string[] inputs, string[] outputs, params AttributeProto[] attributes)
    {
        var node = new NodeProto { OpType = op };
        node.Inputs.AddRange(inputs);
        node.Outputs.AddRange(outputs);
        node.Attributes.AddRange(attributes);
        return node;
    }

    public TinyOnnx Add(string op, string[] inputs, string output, params AttributeProto[] attributes)
    {
        Graph.Nodes.Add(Node(op, inputs, [output], attributes));
        return this;
    }

    /// <summary>Random weights.</summary>
    public TinyOnnx Weight(string name, params int[] shape)
    {
        var tensor = Tensor.Empty(Shape.Create(shape));
        foreach (ref var value in tensor.AsSpan<float>())
            value = 2 * _random.NextSingle() - 1;
        return Store(name, tensor);
    }

    public TinyOnnx Numbers(string name, params long[] values) => Store(name, Tensor.From<long>(values, [values.Length]));

    public TinyOnnx Store(string name, Tensor tensor)
    {
        Graph.Initializers.Add(TensorProto.From(TensorSource.From(name, tensor)));
        return this;
    }

    /// <summary>Writes the file.</summary>
    /// <param name="path">Where.</param>
    /// <param name="x">Sizes of the input.</param>
    /// <returns>The path.</returns>
    public string Save(string path, params int[] x)
    {
        Graph.Inputs.Add(ValueInfoProto.From("x", TensorDataType.Float, x.Select(size => new Dimension { Value = size })));
        Graph.Outputs.Add(new() { Name = "y" });
        var model = new ModelProto { IrVersion = 8, Graph = Graph };
        model.OpsetImports.Add(new() { Domain = "", Version = 17 });
        OnnxFile.Save(model, path);
        return path;
    }
}
