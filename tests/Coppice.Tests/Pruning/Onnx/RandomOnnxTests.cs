using System.Globalization;
using Coppice.Modules;
using Coppice.Onnx;
using Coppice.Pruning.Compensation;
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

    /// <summary>Carried out once more, a plan gives the same file; and two plans of one after the other make one.</summary>
    [Fact]
    public void Save_PlansOfRandomRemovals_ReplayAndCompose()
    {
        using var folder = new TempFolder();
        for (var seed = 300; seed < 340; seed++)
        {
            using var scope = new TensorScope();
            var random = new RandomOnnxGraph(seed);
            OnnxFile.Save(random.Model, folder["model.onnx"], overwrite: true);
            var (first, once) = Pruned(random, "model.onnx", "once.onnx");
            var again = OnnxPruning.Open(folder["model.onnx"]);
            again.Save(Removal.Of(again.Dependencies, StructuralPlan.Parse(first.ToJson())), folder["again.onnx"], overwrite: true);
            Assert.Equal(File.ReadAllBytes(folder["once.onnx"]), File.ReadAllBytes(folder["again.onnx"]));
            var (second, twice) = Pruned(random, "once.onnx", "twice.onnx");
            again.Save(Removal.Of(again.Dependencies, first.Then(second)), folder["both.onnx"], overwrite: true);
            using var file = OnnxFile.Open(folder["both.onnx"]);
            foreach (var (name, parameter) in new OnnxModule(file).Parameters)
                Assert.Equal(twice.Parameter(name).Data.ToArray<float>(), parameter.Data.ToArray<float>());
        }

        (StructuralPlan Plan, OnnxModule Smaller) Pruned(RandomOnnxGraph random, string from, string to)
        {
            var pruning = OnnxPruning.Open(folder[from]);
            var removal = RandomRemoval(random, pruning.Dependencies);
            pruning.Save(removal, folder[to], overwrite: true);
            using var file = OnnxFile.Open(folder[to]);
            return (removal.ToPlan("onnx"), new(file));
        }
    }

    /// <summary>With one index of each group left, what goes follows from little; the compensated file must run all the same.</summary>
    [Fact]
    public void Save_CompensatedRandomRemovals_KeepTheirShapesAndStayFinite()
    {
        using var folder = new TempFolder();
        var changed = 0;
        for (var seed = 400; seed < 440; seed++)
        {
            using var scope = new TensorScope();
            var random = new RandomOnnxGraph(seed);
            OnnxFile.Save(random.Model, folder["model.onnx"], overwrite: true);
            var pruning = OnnxPruning.Open(folder["model.onnx"]);
            var removal = RandomRemoval(random, pruning.Dependencies);
            IReadOnlyList<Tensor>[] inputs = [.. Enumerable.Range(0, 3).Select(input => pruning.Traced.RandomInputs(input))];
            var inputsChanged = InputCompensation.Of(pruning.Dependencies, removal, inputs, CompensationMethod.LeastSquares, addsBiases: true);
            pruning.Save(removal, folder["small.onnx"], overwrite: true, new(inputsChanged, inputs));
            changed += inputsChanged.Weights.Count;
            using var file = OnnxFile.Open(folder["small.onnx"]);
            Assert.All(new OnnxModule(file).Forward(pruning.Inputs).Where(output => output.DType == DType.F32),
                output => Assert.All(output.ToArray<float>(), value => Assert.True(float.IsFinite(value))));
        }
        Assert.True(changed > 20, $"{changed} weights");
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
