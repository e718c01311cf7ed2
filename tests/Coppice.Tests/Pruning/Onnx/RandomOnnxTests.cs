using System.Globalization;
using Coppice.Onnx;
using Coppice.Pruning.Dependency;
using Coppice.Pruning.Onnx;
using Coppice.Tensors;

namespace Coppice.Tests.Pruning.Onnx;

/// <summary>Files of random models, made smaller, compute what the originals do without the removed channels.</summary>
/// <remarks>For long runs set COPPICE_RANDOM_ONNX to the number of models, and COPPICE_FIRST_ONNX to the first seed.</remarks>
public sealed class RandomOnnxTests
{
    [Fact]
    public void Save_RandomIndicesOfRandomGroups_Verifies()
    {
        using var folder = new TempFolder();
        var failures = new List<string>();
        var (first, free, all) = (Setting("COPPICE_FIRST_ONNX", 0), 0, 0);
        for (var seed = first; seed < first + Setting("COPPICE_RANDOM_ONNX", 200) && failures.Count < 5; seed++)
        {
            using var scope = new TensorScope();
            var random = new RandomOnnxGraph(seed);
            try
            {
                OnnxFile.Save(random.Model, folder["model.onnx"], overwrite: true);
                var pruning = OnnxPruning.Open(folder["model.onnx"]);
                pruning.Save(RandomRemoval(random, pruning.Dependencies), folder["small.onnx"], overwrite: true);
                var groups = pruning.Dependencies.Groups.Sum(group => group.Members.Count);
                (free, all) = (free + groups, all + groups + pruning.Dependencies.Pinned.Count(axis => axis.Size > 1));
            }
            catch (Exception error)
            {
                failures.Add($"model {seed}: {error}\n{random}");
            }
        }
        Assert.True(failures.Count == 0, string.Join("\n\n", failures));
        Assert.True(free > all / 2, $"{free} of {all} axes are prunable.");
    }

    private static Removal RandomRemoval(RandomOnnxGraph random, DependencyGraph dependencies)
    {
        var removal = new Removal(dependencies);
        foreach (var group in dependencies.Groups)
            if (!random.Chance(3))
                removal.Remove(group, Enumerable.Range(0, group.Size).OrderBy(_ => random.Next(1000)).Take(random.Next(group.Size)));
        return removal;
    }

    private static int Setting(string name, int normal) =>
        Environment.GetEnvironmentVariable(name) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : normal;
}
