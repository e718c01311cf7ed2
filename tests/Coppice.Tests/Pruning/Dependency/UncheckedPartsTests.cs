using Coppice.Pruning.Dependency;
using Coppice.Pruning.Onnx;
using Coppice.Tests.Pruning.Onnx;

namespace Coppice.Tests.Pruning.Dependency;

/// <summary>A convolution that all is read of, and rows of it from some place on once more.</summary>
public sealed class UncheckedPartsTests
{
    private const int Open = 0;

    [Theory]
    [InlineData(4, false)]
    [InlineData(3, true)]
    public void Save_RowsThatTheImageDoesNotHave_AreReportedAsUnchecked(int from, bool isSeen)
    {
        using var folder = new TempFolder();
        var pruning = OnnxPruning.Open(RowsFrom(from).Save(folder["model.onnx"], 1, 2, 4, 4));
        var removal = new Removal(pruning.Dependencies);
        removal.Remove(pruning.Dependencies.Groups.Single(group => group.Size == 6), [0]);
        Assert.Equal(isSeen ? [] : ["Narrow in Slice 'rows'", "output 'z'"], pruning.Save(removal, folder["small.onnx"]).Unchecked);
    }

    [Fact]
    public void Open_RowsThatOnlyALargerImageHas_TriesOne()
    {
        using var folder = new TempFolder();
        Assert.Equal([1, 2, 448, 448], OnnxPruning.Open(RowsFrom(440).Save(folder["larger.onnx"], 1, 2, Open, Open)).Inputs[0].Shape);
        Assert.Equal([1, 2, 224, 224], OnnxPruning.Open(RowsFrom(500).Save(folder["no-use.onnx"], 1, 2, Open, Open)).Inputs[0].Shape);
        Assert.Equal([1, 2, 224, 224], OnnxPruning.Open(RowsFrom(220).Save(folder["usual.onnx"], 1, 2, Open, Open)).Inputs[0].Shape);
    }

    private static TinyOnnx RowsFrom(int start)
    {
        var net = new TinyOnnx().Weight("w1", 6, 2, 1, 1).Add("Conv", ["x", "w1"], "a").Add("Relu", ["a"], "b")
            .Weight("w2", 1, 6, 1, 1).Add("Conv", ["b", "w2"], "y")
            .Numbers("from", start).Numbers("to", int.MaxValue).Numbers("axis", 2).Add("Slice", ["b", "from", "to", "axis"], "rows")
            .Numbers("channels", 1).Add("ReduceSum", ["rows", "channels"], "z");
        net.Graph.Outputs.Add(new() { Name = "z" });
        return net;
    }
}
