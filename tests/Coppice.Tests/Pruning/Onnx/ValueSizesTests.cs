using Coppice.Checkpoints;
using Coppice.Onnx;
using Coppice.Pruning.Dependency;
using Coppice.Pruning.Onnx;
using Coppice.Tensors;

namespace Coppice.Tests.Pruning.Onnx;

/// <summary>Sizes and positions that a file computes from values of its inputs: axes that they are of stay, and what is written is right for
/// other inputs too.</summary>
public sealed class ValueSizesTests
{
    private const int Channels = 6;
    private const int Side = 4;

    private static readonly Dictionary<string, Func<TinyOnnx>> Nets = new()
    {
        ["slice from the place of the largest"] = () => PlaceOfTheLargest().Add("Add", ["k", "3"], "end")
            .Add("Slice", ["b", "k", "end", "1"], "c").Weight("w2", 2, 3, 1, 1).Add("Conv", ["c", "w2"], "y"),
        ["slice up to how many pass"] = () => HowMany().Add("Slice", ["b", "0", "n", "1"], "c").Add("ReduceSum", ["c", "1"], "y"),
        ["as many zeros as pass in front"] = () => HowMany().Numbers("0000", 0, 0, 0, 0)
            .Add("Concat", ["0", "n", "0", "0", "0000"], "pads", Axis(0)).Add("Pad", ["b", "pads"], "c").Add("CumSum", ["c", "1"], "d")
            .Add("ReduceSum", ["d", "1"], "y"),
        ["tiled by the place of the largest"] = () => PlaceOfTheLargest().Add("Add", ["k", "1"], "n")
            .Add("Concat", ["1", "n", "1", "1"], "repeats", Axis(0)).Add("Tile", ["b", "repeats"], "c").Add("ReduceSum", ["c", "1"], "y"),
        ["rows that pass, counted by Shape"] = () => Rows(Passing().Add("Shape", ["places"], "shape").Add("Gather", ["shape", "1"], "n")),
        ["rows that pass, counted by a sum"] = () => Rows(Passing().Add("Cast", ["passes"], "counts", AttributeProto.From("to", 7L))
            .Add("ReduceSum", ["counts"], "count").Add("Reshape", ["count", "1"], "n")),
    };

    public static TheoryData<string> Named => [.. Nets.Keys];

    [Theory]
    [MemberData(nameof(Named))]
    public void Save_WithoutSomeChannels_IsTheOriginalWithZerosOnOtherInputsToo(string net)
    {
        using var folder = new TempFolder();
        var pruning = OnnxPruning.Open(Nets[net]().Save(folder["model.onnx"], 1, 2, Side, Side));
        var group = pruning.Dependencies.Groups.SingleOrDefault(group => group.Members.Any(member => member.Value.Name == "w1"));
        Assert.Equal(net.EndsWith("by Shape", StringComparison.Ordinal), group is not null);
        if (group is null)
        {
            var reason = pruning.Dependencies.Pinned.Single(pin => pin is { Tensor: "w1", Axis: 0 }).Reason;
            Assert.Matches("^(Slice|Pad|Tile|Reshape) '.*(depends|depend) on the values of the inputs$", reason);
            return;
        }
        var removal = new Removal(pruning.Dependencies);
        removal.Remove(group, [1, 2]);
        pruning.Save(removal, folder["small.onnx"]);
        using var expected = WithZeros(folder["model.onnx"], folder["zeros.onnx"]);
        using var small = OnnxFile.Open(folder["small.onnx"]);
        var counts = new HashSet<int>();
        for (var seed = 1; seed < 8; seed++)
        {
            var x = Image(seed);
            var outputs = new OnnxModule(expected).Forward(x);
            Assert.Equal(outputs[1].ToArray<float>(), new OnnxModule(small).Forward(x)[1].ToArray<float>(), (a, b) => Math.Abs(a - b) < 1e-4);
            counts.Add(outputs[0].Shape[0]);
        }
        Assert.True(counts.Count > 1, "other images have other numbers of rows");
    }

    /// <summary>Channels 1 and 2 are always 0.</summary>
    private static OnnxFile WithZeros(string path, string copy)
    {
        using (var file = OnnxFile.Open(path))
        {
            var stored = file.Model.Graph!.Initializers.Single(tensor => tensor.Name == "w1");
            var weight = stored.Source().ToTensor();
            weight.AsSpan<float>()[2..6].Clear();
            stored.SetData(TensorSource.From("w1", weight));
            OnnxFile.Save(file.Model, copy);
        }
        return OnnxFile.Open(copy);
    }

    private static Tensor Image(int seed)
    {
        var (random, x) = (new RandomSource(seed), Tensor.Empty([1, 2, Side, Side]));
        foreach (ref var value in x.AsSpan<float>())
            value = 2 * random.NextSingle() - 1;
        return x;
    }

    /// <summary>Channels b [1, 6, 4, 4], and three scores.</summary>
    private static TinyOnnx Net() => new TinyOnnx().Weight("w1", Channels, 2, 1, 1).Add("Conv", ["x", "w1"], "a").Add("Relu", ["a"], "b")
        .Weight("ws", 3, 2, 1, 1).Add("Conv", ["x", "ws"], "s").Add("GlobalAveragePool", ["s"], "p").Add("Reshape", ["p", "3"], "scores")
        .Store("zero", Tensor.Zeros([])).Numbers("-1", -1).Numbers("0", 0).Numbers("1", 1).Numbers("3", 3).Numbers("6", Channels);

    private static TinyOnnx PlaceOfTheLargest() => Net().Add("ArgMax", ["scores"], "k", Axis(0));

    private static TinyOnnx HowMany() => Net().Add("Greater", ["scores", "zero"], "pass").Add("NonZero", ["pass"], "places")
        .Add("Shape", ["places"], "shape").Add("Gather", ["shape", "1"], "n");

    private static TinyOnnx Passing() => Net().Weight("wm", 1, 2, 1, 1).Add("Conv", ["x", "wm"], "m").Add("Reshape", ["m", "-1"], "flat")
        .Add("Greater", ["flat", "zero"], "passes").Add("NonZero", ["passes"], "places");

    /// <summary>[16, 6] rows, n of them taken, as one axis of n x 6 and back.</summary>
    private static TinyOnnx Rows(TinyOnnx net)
    {
        net.Numbers("rows", Channels, -1).Add("Reshape", ["b", "rows"], "r").Add("Transpose", ["r"], "t", AttributeProto.From("perm", [1L, 0]))
            .Add("Squeeze", ["places", "0"], "which").Add("Gather", ["t", "which"], "taken").Add("Mul", ["n", "6"], "both")
            .Add("Reshape", ["taken", "both"], "merged").Add("Sigmoid", ["merged"], "active")
            .Numbers("apart", -1, Channels).Add("Reshape", ["active", "apart"], "again").Add("Mul", ["again", "taken"], "gated")
            .Weight("w2", Channels, 3).Add("MatMul", ["gated", "w2"], "o").Add("ReduceSum", ["o", "0"], "y");
        net.Graph.Outputs.Insert(0, new() { Name = "which" });
        return net;
    }

    private static AttributeProto Axis(long axis) => AttributeProto.From("axis", axis);
}
