using Coppice.Graphs;
using Coppice.Models.Vision;
using Coppice.Modules;
using Coppice.Pruning;
using Coppice.Pruning.Depth;
using Coppice.Tensors;
using Coppice.Tensors.Ops;
using static Coppice.Tests.Graphs.TestModels;

namespace Coppice.Tests.Pruning.Depth;

/// <summary>Each graph reads x [2, 3]; its layers are linear, [3, 3].</summary>
public sealed class ResidualBlocksTests
{
    private readonly GraphBuilder _builder = new();
    private readonly InputValue _x;
    private int _weights;

    public ResidualBlocksTests() => _x = _builder.Input("x", DType.F32, 2, 3);

    [Fact]
    public void Remove_TheOnlyBlock_LeavesX()
    {
        var block = Assert.Single(Found(Add(_x, Layer(Layer(_x))), out var graph));
        Assert.Equal(2, block.Inner.Count);
        var (x, smaller) = (Floats([2, 3]), ResidualBlocks.Remove(graph, [block]));
        AssertSameBits(x, new GraphModule(smaller).Forward(x)[0]);
        Assert.Empty(smaller.Nodes);
        Assert.Equal(block.Sum, Assert.Single(Found(graph)).Sum);      // the graph itself is as it was
    }

    [Fact]
    public void Remove_BlocksInARow_LeaveWhatIsBetween()
    {
        var y = Relu(Add(_x, Layer(_x)));
        var z = Relu(Add(Layer(y), y));
        var blocks = Found(Add(z, Layer(Relu(Layer(z)))), out var graph);
        Assert.Equal(3, blocks.Count);
        var x = Floats([2, 3]);
        var smaller = ResidualBlocks.Remove(graph, blocks);
        Assert.Equal(x.ToArray<float>().Select(value => Math.Max(value, 0)), new GraphModule(smaller).Forward(x)[0].ToArray<float>());
        Assert.Equal(2, smaller.Nodes.Count);
    }

    [Fact]
    public void Find_SkipTimesANumber_KeepsTheProduct()
    {
        var half = Apply(new Multiply(), _builder.Constant(Tensor.Full([], 0.5f)), _x);
        var block = Assert.Single(Found(Add(Layer(_x), half), out _));
        Assert.Equal(half, block.Skip);
    }

    /// <summary>Blocks whose two parts read the same normalised x and are added one after the other.</summary>
    [Fact]
    public void Find_TwoPartsOfOneShared_AreOneBlock()
    {
        var shared = Layer(_x);
        var block = Assert.Single(Found(Add(Add(_x, Layer(shared)), Relu(shared)), out var graph));
        Assert.Equal((_x, 3), (block.Skip, block.Inner.Count));
        var x = Floats([2, 3]);
        AssertSameBits(x, new GraphModule(ResidualBlocks.Remove(graph, [block])).Forward(x)[0]);
        AssertSameBits(x, ResidualBlocks.RunWithZeros(graph, [block], [x])[0]);
    }

    [Fact]
    public void Find_TwoPartsOfTheirOwn_AreTwoBlocks()
    {
        var blocks = Found(Add(Add(_x, Layer(_x)), Layer(_x)), out _);
        Assert.Equal([1, 1], blocks.Select(block => block.Inner.Count));
        Assert.DoesNotContain(blocks, blocks[0].Contains);
    }

    /// <summary>x + a + f(a): a stays, and only f goes.</summary>
    [Fact]
    public void Find_TermOfTheSumThatTheNextPartReads_Stays()
    {
        var a = Layer(_x);
        var block = Assert.Single(Found(Add(Add(_x, a), Layer(a)), out var graph));
        Assert.Equal(["w1"], block.Weights);
        Assert.Contains(ResidualBlocks.Remove(graph, [block]).Values, value => value.Name == "w0");
    }

    [Fact]
    public void Find_SumOfVeryMany_IsFast()
    {
        Value sum = _x;
        for (var i = 0; i < 3000; i++)
            sum = Add(sum, Relu(_x));
        Assert.Empty(Found(sum, out _));
    }

    [Fact]
    public void Find_BlocksInABlock_GoWithIt()
    {
        var outer = Layer(_x);
        var blocks = Found(Add(_x, Layer(Add(outer, Layer(outer)))), out _);
        Assert.Equal(2, blocks.Count);
        Assert.True(blocks[1].Contains(blocks[0]));
        Assert.False(blocks[0].Contains(blocks[1]));
    }

    [Fact]
    public void Find_WhatIsNoBlock_FindsNone()
    {
        var inner = Layer(_x);
        Assert.Empty(Found(Add(Add(_x, Relu(inner)), Layer(inner)), out _, also: inner));       // another output
        Assert.Empty(Found(Add(_x, Layer(_builder.Input("other", DType.F32, 2, 3))), out _));    // not of x
        Assert.Empty(Found(Add(_x, _x), out _));                                                 // no f
        Assert.Empty(Found(Add(_x, Apply(new Tanh(), _x)), out _));                              // no weight
        Assert.Empty(Found(Add(Layer(_x), Layer(_x)), out _));                                   // a projection beside f
        Assert.Empty(Found(Add(_x, Apply(new Reduce(Reduction.Sum, [0]), Layer(_x))), out _)); // another shape
    }

    /// <summary>What f computes is read outside of the sum too.</summary>
    [Fact]
    public void Find_InnerValueReadElsewhere_IsNoBlock()
    {
        var inner = Layer(_x);
        Assert.Empty(Found(Apply(new Multiply(), Add(_x, Layer(inner)), Relu(inner)), out _));
    }

    [Fact]
    public void Find_MaskBesideX_IsABlock()
    {
        var mask = _builder.Input("mask", DType.F32, 2, 3);
        var block = Assert.Single(Found(Add(_x, Layer(Apply(new Multiply(), Layer(_x), Relu(mask)))), out _));
        Assert.Equal(3, block.Inner.Count);
    }

    [Theory]
    [InlineData("resnet20", 7)]
    [InlineData("resnet18", 5)]
    [InlineData("resnet50", 12)]
    [InlineData("mobilenet_v2", 10)]
    [InlineData("vgg11", 0)]
    public void Find_InVisionModels_IsEachBlockThatKeepsItsSizes(string name, int count)
    {
        var architecture = VisionModels.Find(name)!;
        var size = architecture.Size == 224 ? 64 : 32;
        var graph = GraphTracer.Trace(architecture.Create(10), new TraceInput("x", Floats([1, architecture.Channels, size, size]), "batch"));
        Assert.Equal(count, Found(graph).Count);
    }

    /// <summary>Attention and feed-forward part of each of two layers; GELU's polynomial is none.</summary>
    [Fact]
    public void Find_InTransformers_AreTwoForEachLayer()
    {
        var (gpt2, bert, llama) = (Gpt2(), Bert(), Llama());
        var ids = new TraceInput("ids", Ids(1, 6), "batch", "steps");
        Assert.Equal(4, Found(GraphTracer.Trace(gpt2, inputs => gpt2.Forward(inputs[0]), ids)).Count);
        Assert.Equal(4, Found(GraphTracer.Trace(bert, inputs => bert.Forward(inputs[0]), ids)).Count);
        Assert.Equal(4, Found(GraphTracer.Trace(llama, inputs => llama.Forward(inputs[0]), ids)).Count);
    }

    [Fact]
    public void Remove_RandomBlocksOfRandomGraphs_IsWhatZerosGive()
    {
        var found = 0;
        for (var seed = 0; seed < 200; seed++)
        {
            using var scope = new TensorScope();
            var (random, test) = (new Random(seed), new ResidualBlocksTests());
            var blocks = test.Found(test.RandomChain(random, test._x, random.Next(1, 6), 2), out var graph);
            ResidualBlock[] gone = [.. blocks.Where(_ => random.Next(2) == 0)];
            var (x, smaller) = (Floats([2, 3], seed + 1), ResidualBlocks.Remove(graph, gone));
            AssertSameBits(ResidualBlocks.RunWithZeros(graph, gone, [x])[0], new GraphModule(smaller).Forward(x)[0]);
            foreach (var name in gone.SelectMany(block => block.Inner).SelectMany(node => node.Inputs).OfType<ParameterValue>().Select(value => value.Name))
                Assert.DoesNotContain(smaller.Values, value => value.Name == name);
            found += blocks.Count;
        }
        Assert.True(found > 300, $"{found} blocks.");
    }

    [Fact]
    public void Lowest_CountsBlocksInsideOfOthers()
    {
        var outer = Layer(_x);
        var y = Add(_x, Layer(Add(outer, Layer(outer))));
        var blocks = Found(Add(y, Layer(y)), out _);            // one in the second, and a third
        Assert.Equal([blocks[2]], ResidualBlocks.Lowest(blocks, [0.3, 0.1, 0.2], 1));
        Assert.Equal([blocks[0], blocks[1]], ResidualBlocks.Lowest(blocks, [0.3, 0.1, 0.2], 2));
        Assert.Equal([blocks[0]], ResidualBlocks.Lowest(blocks, [0.1, 0.1, 0.1], 1));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void Lowest_NoneOrAll_IsRefused(int count)
    {
        var y = Add(_x, Layer(_x));
        var blocks = Found(Add(y, Layer(y)), out _);
        Assert.Contains("has 2 residual blocks", Assert.Throws<PruningException>(() => ResidualBlocks.Lowest(blocks, [1, 2], count)).Message,
            StringComparison.Ordinal);
    }

    private static IReadOnlyList<ResidualBlock> Found(Graph graph) => ResidualBlocks.Find(graph);

    private IReadOnlyList<ResidualBlock> Found(Value y, out Graph graph, Value? also = null)
    {
        _builder.Output($"y{_weights++}", y);
        if (also is not null)
            _builder.Output("also", also);
        return Found(graph = _builder.Build());
    }

    /// <summary>Layers, rectifiers and residual blocks one after the other, with chains like it in the blocks.</summary>
    private Value RandomChain(Random random, Value x, int length, int depth)
    {
        for (; length > 0; length--)
            x = random.Next(5) switch
            {
                0 => Relu(x),
                1 => Layer(x),
                2 when depth > 0 => Add(RandomChain(random, x, random.Next(1, 4), depth - 1), x),
                3 when depth > 0 => Add(Add(x, Layer(x)), RandomChain(random, x, random.Next(1, 3), depth - 1)),
                _ => Add(x, Layer(Relu(Layer(x)))),
            };
        return x;
    }

    private Value Add(Value a, Value b) => Apply(new Add(), a, b);

    private Value Relu(Value x) => Apply(new Relu(), x);

    private Value Layer(Value x) => Apply(new Coppice.Tensors.Ops.Linear(WeightLayout.OutIn), x,
        _builder.Parameter($"w{_weights}", new Parameter(Floats([3, 3], 100 + _weights++))));

    private NodeValue Apply(Op op, params Value[] inputs) => _builder.Apply(op, inputs)[0];
}
