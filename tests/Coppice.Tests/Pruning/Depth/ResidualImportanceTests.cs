using Coppice.Graphs;
using Coppice.Modules;
using Coppice.Pruning;
using Coppice.Pruning.Depth;
using Coppice.Tensors;
using Coppice.Tensors.Ops;

namespace Coppice.Tests.Pruning.Depth;

public sealed class ResidualImportanceTests
{
    /// <summary>y = x + x R, R a quarter turn: x and y are 45 degrees apart, and y and z = y + y as well, or 0 where R is the identity.</summary>
    [Theory]
    [InlineData(2, 2)]
    [InlineData(1, 2, 2)]
    public void Influence_OfAQuarterTurnAndOfADoubling_IsKnown(params int[] shape)
    {
        var graph = Graph(shape, [0, -1, 1, 0], [1, 0, 0, 1]);
        var scores = ResidualImportance.Influence(graph, ResidualBlocks.Find(graph), [[Tensor.From<float>([3, 4, 1, 0], Shape.Create(shape))]]);
        Assert.Equal(1 - Math.Sqrt(0.5), scores[0], 1e-6);
        Assert.Equal(0, scores[1], 1e-6);
    }

    /// <summary>Tokens count alike whatever their length; an example of four axes or two is one vector.</summary>
    [Fact]
    public void Influence_OfTokens_IsOfEachByItself()
    {
        const float large = 100;
        var graph = Graph([1, 2, 2], [1, 0, 0, -1], [1, 0, 0, 1]);           // keeps the first axis and drops the second
        var scores = ResidualImportance.Influence(graph, ResidualBlocks.Find(graph),
            [[Tensor.From<float>([large, 0, 1, 1], [1, 2, 2])]]);             // cosines 1 and the root of a half
        Assert.Equal((1 - Math.Sqrt(0.5)) / 2, scores[0], 1e-6);
    }

    [Fact]
    public void Influence_OfZeros_IsNone()
    {
        var graph = Graph([1, 2], [0, -1, 1, 0], [1, 0, 0, 1]);
        Assert.Equal([0, 0], ResidualImportance.Influence(graph, ResidualBlocks.Find(graph), [[Tensor.Zeros([1, 2])]]));
    }

    [Fact]
    public void Influence_WithoutInputsOrOfInfinity_IsRefused()
    {
        var graph = Graph([1, 2], [0, -1, 1, 0], [1, 0, 0, 1]);
        var blocks = ResidualBlocks.Find(graph);
        Assert.Throws<PruningException>(() => ResidualImportance.Influence(graph, blocks, []));
        Assert.Throws<PruningException>(() => ResidualImportance.Influence(graph, blocks, [[Tensor.Full([1, 2], float.PositiveInfinity)]]));
    }

    private static Graph Graph(int[] shape, params float[][] weights)
    {
        var builder = new GraphBuilder();
        Value x = builder.Input("x", DType.F32, [.. shape.Select(SymbolicDim.FromInt32)]);
        foreach (var (i, weight) in weights.Index())
        {
            var matrix = builder.Parameter($"w{i}", new Parameter(Tensor.From<float>(weight, [2, 2])));
            x = builder.Apply(new Add(), [x, builder.Apply(new Coppice.Tensors.Ops.Linear(WeightLayout.OutIn), [x, matrix])[0]])[0];
        }
        builder.Output("y", x);
        return builder.Build();
    }
}
