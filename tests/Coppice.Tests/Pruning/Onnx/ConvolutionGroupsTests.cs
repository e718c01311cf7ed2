using Coppice.Onnx;
using Coppice.Pruning.Dependency;
using Coppice.Pruning.Onnx;

namespace Coppice.Tests.Pruning.Onnx;

/// <summary>Grouped convolutions whose groups do not fit those of what they read.</summary>
public sealed class ConvolutionGroupsTests
{
    private const int Groups = 4;
    private const int Stem = 8;
    private const int Made = 28;

    [Fact]
    public void Save_GroupsAcrossTheEndOfAConcat_EachGroupBecomesAConvolution()
    {
        using var folder = new TempFolder();
        var pruning = OnnxPruning.Open(Across(folder));
        var removal = new GroupPruning { Ratio = 0.5 }.Choose(pruning.Dependencies, new(new GroupMagnitude(1)));
        Assert.InRange(pruning.Save(removal, folder["small.onnx"]).LargestDifference, 0, Verification.Tolerance);
        var weights = Weights(folder["small.onnx"]);
        Assert.Equal(Stem / 2, weights["stem"][0]);
        Assert.Equal(Made / 2, Parts("made").Sum(weight => weight[0]), 2.0);
        Assert.Equal((Made + Stem) / 2, Parts("w").Sum(weight => weight[1]), 2.0);

        IReadOnlyList<IReadOnlyList<long>> Parts(string name)
        {
            var parts = weights.Where(weight => weight.Key.StartsWith($"{name}.", StringComparison.Ordinal)).Select(weight => weight.Value).ToList();
            Assert.Equal(Groups, parts.Count);
            return parts;
        }
    }

    [Fact]
    public void Save_MoreOfOneGroupThanOfAnother_AgreesWithTheOriginal()
    {
        using var folder = new TempFolder();
        var pruning = OnnxPruning.Open(Across(folder));
        var removal = new Removal(pruning.Dependencies);
        removal.Remove(pruning.Dependencies.Groups.Single(group => group.Members[0].Value.Name == "made.1_2"), [0, 1, 2, 3]);
        Assert.InRange(pruning.Save(removal, folder["small.onnx"]).LargestDifference, 0, Verification.Tolerance);
        Assert.Equal([5, 9, 9, 9], Weights(folder["small.onnx"]).Where(weight => weight.Key.StartsWith("w.", StringComparison.Ordinal))
            .Select(weight => (int)weight.Value[1]));
    }

    [Fact]
    public void Save_PlanOfConvolutionsOfTheirOwn_IsCarriedOutAgain()
    {
        using var folder = new TempFolder();
        var pruning = OnnxPruning.Open(Across(folder));
        var removal = new GroupPruning { Ratio = 0.5 }.Choose(pruning.Dependencies, new(new GroupMagnitude(1)));
        pruning.Save(removal, folder["small.onnx"]);
        var again = OnnxPruning.Open(pruning.Path);
        again.Save(Removal.Of(again.Dependencies, removal.ToPlan("onnx")), folder["again.onnx"]);
        Assert.Equal(File.ReadAllBytes(folder["small.onnx"]), File.ReadAllBytes(folder["again.onnx"]));
    }

    [Fact]
    public void Save_GroupsThatFit_KeepsTheConvolution()
    {
        using var folder = new TempFolder();
        var path = new TinyOnnx().Weight("left", 6, 2, 1, 1).Weight("w", 6, 3, 1, 1).Weight("last", 3, 6, 1, 1)
            .Add("Conv", ["x", "left"], "a").Add("Conv", ["a", "w"], "b", AttributeProto.From("group", 2L)).Add("Conv", ["b", "last"], "y")
            .Save(folder["model.onnx"], 1, 2, 2, 2);
        var pruning = OnnxPruning.Open(path);
        var removal = new GroupPruning { Ratio = 0.4 }.Choose(pruning.Dependencies, new(new GroupMagnitude(1)));
        pruning.Save(removal, folder["small.onnx"]);
        Assert.Contains("w", Weights(folder["small.onnx"]));
    }

    /// <summary>8 channels, of which 4 groups make 28; both side by side, read as 4 groups of 9.</summary>
    private static string Across(TempFolder folder) => new TinyOnnx()
        .Weight("stem", Stem, 2, 1, 1).Weight("made", Made, Stem / Groups, 1, 1)
        .Weight("w", 2 * Groups, (Made + Stem) / Groups, 1, 1).Weight("bias", 2 * Groups).Weight("last", 3, 2 * Groups, 1, 1)
        .Add("Conv", ["x", "stem"], "a").Add("Conv", ["a", "made"], "b", AttributeProto.From("group", (long)Groups))
        .Add("Concat", ["b", "a"], "c", AttributeProto.From("axis", 1L))
        .Add("Conv", ["c", "w", "bias"], "d", AttributeProto.From("group", (long)Groups)).Add("Conv", ["d", "last"], "y")
        .Save(folder["model.onnx"], 1, 2, 2, 2);

    private static Dictionary<string, IReadOnlyList<long>> Weights(string path)
    {
        using var file = OnnxFile.Open(path);
        return file.Model.Graph!.Initializers.Where(tensor => tensor.Dims.Count == 4).ToDictionary(tensor => tensor.Name!, tensor => tensor.Dims);
    }
}
