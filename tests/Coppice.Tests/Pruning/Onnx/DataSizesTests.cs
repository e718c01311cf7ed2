using Coppice.Checkpoints;
using Coppice.Onnx;
using Coppice.Pruning.Dependency;
using Coppice.Pruning.Onnx;
using Coppice.Tensors;

namespace Coppice.Tests.Pruning.Onnx;

/// <summary>Sizes and positions that a file computes from the values of its inputs: what they stand in the way of stays, what is written is right for
/// other inputs too.</summary>
public sealed class DataSizesTests
{
    private const int Channels = 6;
    private const int Side = 4;

    [Theory]
    [InlineData(nameof(SliceFromThePlaceOfTheLargest), false)]
    [InlineData(nameof(SliceUpToHowManyPass), false)]
    [InlineData(nameof(PadByHowManyPass), false)]
    [InlineData(nameof(RowsOfThoseThatPass), true)]
    [InlineData(nameof(RowsOfThoseThatPassCounted), false)]
    [InlineData(nameof(RowsOfTheLargest), false)]
    [InlineData(nameof(TiledByThePlaceOfTheLargest), false)]
    public void Save_WithoutAChannel_IsTheOriginalWithZerosOnOtherInputsToo(string net, bool isPrunable)
    {
        using var folder = new TempFolder();
        var file = (TinyOnnx)typeof(DataSizesTests).GetMethod(net, System.Reflection.BindingFlags.NonPublic | System.Reflection.BindingFlags.Static)!.Invoke(null, [])!;
        var pruning = OnnxPruning.Open(file.Save(folder["model.onnx"], 1, 2, Side, Side));
        var group = pruning.Dependencies.Groups.SingleOrDefault(group => group.Members.Any(member => member.Value.Name == "w1"));
        Assert.True(isPrunable == group is not null, string.Join("\n", pruning.Dependencies.Groups.Select(g => $"{g}").Concat(pruning.Dependencies.Pinned.Select(pin => $"{pin}"))));
        if (group is null)
        {
            Assert.Contains(pruning.Dependencies.Pinned, pin => pin is { Tensor: "w1", Axis: 0 } && pin.Reason.Contains("the values of the inputs", StringComparison.Ordinal));
            return;
        }
        var removal = new Removal(pruning.Dependencies);
        removal.Remove(group, [1, 2]);
        pruning.Save(removal, folder["small.onnx"]);
        using (var zeros = OnnxFile.Open(folder["model.onnx"]))
        {
            var stored = zeros.Model.Graph!.Initializers.Single(tensor => tensor.Name == "w1");
            var weight = stored.Source().ToTensor();
            weight.AsSpan<float>()[2..6].Clear();
            stored.SetData(TensorSource.From("w1", weight));
            OnnxFile.Save(zeros.Model, folder["zeros.onnx"]);
        }
        using var expected = OnnxFile.Open(folder["zeros.onnx"]);
        using var small = OnnxFile.Open(folder["small.onnx"]);
        for (var seed = 1; seed < 8; seed++)
        {
            var (random, x) = (new RandomSource(seed), Tensor.Empty([1, 2, Side, Side]));
            foreach (ref var value in x.AsSpan<float>())
                value = 2 * random.NextSingle() - 1;
            Assert.Equal(new OnnxModule(expected).Forward(x)[0].ToArray<float>(), new OnnxModule(small).Forward(x)[0].ToArray<float>(),
                (a, b) => Math.Abs(a - b) < 1e-4);
        }
    }

    private static TinyOnnx Net() => new TinyOnnx().Weight("w1", Channels, 2, 1, 1).Weight("ws", 3, 2, 1, 1)
        .Add("Conv", ["x", "w1"], "a").Add("Relu", ["a"], "b")
        .Add("Conv", ["x", "ws"], "s").Add("GlobalAveragePool", ["s"], "p").Numbers("three", 3).Add("Reshape", ["p", "three"], "scores")
        .Store("zero", Tensor.Zeros([])).Add("Greater", ["scores", "zero"], "pass")
        .Numbers("0", 0).Numbers("1", 1).Numbers("2", 2).Numbers("6", 6);

    private static TinyOnnx SliceFromThePlaceOfTheLargest() => Net().Add("ArgMax", ["scores"], "k", AttributeProto.From("axis", 0L))
        .Add("Add", ["k", "three"], "end").Add("Slice", ["b", "k", "end", "1"], "c").Weight("w2", 2, 3, 1, 1).Add("Conv", ["c", "w2"], "y");

    private static TinyOnnx SliceUpToHowManyPass() => HowMany().Add("Slice", ["b", "0", "n", "1"], "c").Add("ReduceSum", ["c", "1"], "y");

    private static TinyOnnx PadByHowManyPass() => HowMany().Numbers("000", 0, 0, 0).Numbers("0000", 0, 0, 0, 0)
        .Add("Concat", ["0", "n", "0", "0", "0000"], "pads", AttributeProto.From("axis", 0L)).Add("Pad", ["b", "pads"], "c")
        .Add("Transpose", ["c"], "t", AttributeProto.From("perm", [0L, 2, 3, 1])).Add("CumSum", ["t", "1"], "u").Add("ReduceSum", ["u", "3"], "y").Numbers("3", 3);

    private static TinyOnnx HowMany() => Net().Add("NonZero", ["pass"], "places").Add("Shape", ["places"], "shape").Add("Gather", ["shape", "1"], "n");

    private static TinyOnnx RowsOfThoseThatPass() => Rows(Places().Add("Shape", ["places"], "shape").Add("Gather", ["shape", "1"], "n"), "NonZero");

    private static TinyOnnx RowsOfThoseThatPassCounted() => Rows(Places().Add("Cast", ["passes"], "counts", AttributeProto.From("to", 7L))
        .Add("ReduceSum", ["counts"], "count").Add("Reshape", ["count", "1"], "n"), "NonZero");

    private static TinyOnnx RowsOfTheLargest() => Rows(Net().Add("Reshape", ["s", "minus"], "all").Numbers("minus", -1).Add("ArgMax", ["scores"], "k", AttributeProto.From("axis", 0L))
        .Add("Add", ["k", "1"], "n"), "TopK");

    private static TinyOnnx TiledByThePlaceOfTheLargest() => Net().Add("ArgMax", ["scores"], "k", AttributeProto.From("axis", 0L)).Add("Add", ["k", "1"], "n")
        .Add("Concat", ["1", "n", "1", "1"], "repeats", AttributeProto.From("axis", 0L)).Add("Tile", ["b", "repeats"], "c").Add("ReduceSum", ["c", "1"], "y");

    private static TinyOnnx Places() => Net().Weight("wm", 1, 2, 1, 1).Add("Conv", ["x", "wm"], "m").Numbers("minus", -1).Add("Reshape", ["m", "minus"], "flat")
        .Add("Greater", ["flat", "zero"], "passes").Add("NonZero", ["passes"], "places");

    /// <summary>[16, 6] rows, n of them taken, as one axis of n x 6 and back.</summary>
    private static TinyOnnx Rows(TinyOnnx net, string how)
    {
        net.Numbers("rows", Channels, -1).Add("Reshape", ["b", "rows"], "r").Add("Transpose", ["r"], "t", AttributeProto.From("perm", [1L, 0]));
        if (how == "TopK")
        {
            net.Numbers("first", 0).Add("Reshape", ["m", "minus"], "flat").Weight("wm", 1, 2, 1, 1);
            net.Graph.Nodes.Insert(0, TinyOnnx.Node("Conv", ["x", "wm"], ["m"]));
            net.Graph.Nodes.Add(TinyOnnx.Node("TopK", ["flat", "n"], ["best", "which"]));
        }
        else
            net.Add("Squeeze", ["places", "0"], "which");
        return net.Add("Gather", ["t", "which"], "taken").Add("Mul", ["n", "6"], "both").Add("Reshape", ["taken", "both"], "merged")
            .Add("Sigmoid", ["merged"], "active").Numbers("six", -1, Channels).Add("Reshape", ["active", "six"], "apart").Weight("w2", Channels, 3)
            .Add("Mul", ["apart", "taken"], "gated").Add("MatMul", ["gated", "w2"], "o").Add("ReduceSum", ["o", "0"], "y");
    }
}
