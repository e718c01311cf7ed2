using System.Globalization;
using Coppice.Graphs;
using Coppice.Pruning.Dependency;
using Coppice.Tensors;
using Coppice.Tensors.Ops;

namespace Coppice.Tests.Pruning.Dependency;

/// <summary>Pruned random graphs compute what the originals do without the removed channels.</summary>
/// <remarks>For long runs set COPPICE_RANDOM_GRAPHS to the number of graphs, and COPPICE_FIRST_GRAPH to the first seed.</remarks>
public sealed class RandomGraphTests
{
    private static readonly int First = Setting("COPPICE_FIRST_GRAPH", 0);
    private static readonly int Count = Setting("COPPICE_RANDOM_GRAPHS", 2000);

    [Fact]
    public void Apply_RandomIndicesOfRandomGroups_ComputesTheOriginalWithoutThem() => ForEachGraph(Count, (random, dependencies) =>
    {
        var (graph, _) = PruningSurgeon.Apply(dependencies, RandomRemoval(random, dependencies), random.Inputs);
        if (random.Chance(4))
        {
            var again = DependencyGraph.Of(graph);
            PruningSurgeon.Apply(again, RandomRemoval(random, again), random.Inputs);
        }
    });

    [Fact]
    public void Apply_AllButOneIndexOfEveryGroup_LeavesAModelThatRuns() => ForEachGraph(Count / 4, (random, dependencies) =>
    {
        var removal = new Removal(dependencies);
        foreach (var group in dependencies.Groups)
        {
            var kept = random.Next(group.Size);
            removal.Remove(group, Enumerable.Range(0, group.Size).Where(index => index != kept));
        }
        var (graph, _) = PruningSurgeon.Apply(dependencies, removal, random.Inputs);
        Assert.All(dependencies.Groups, group => Assert.Single(removal.KeptOf(group)));
        Assert.Equal(ShapesOf(random.Graph), ShapesOf(graph));
    });

    [Fact]
    public void Groups_OfRandomGraphs_AreDisjointAndLeaveNoAxisWithoutAReason()
    {
        var (free, all) = (0, 0);
        ForEachGraph(Count / 4, (_, dependencies) =>
        {
            Assert.Distinct(dependencies.Groups.Select(group => group.Leaves[0]));
            var grouped = dependencies.Groups.SelectMany(group => group.Members)
                .Select(member => (member.Value.Name, member.Axis)).ToHashSet();
            var pinned = dependencies.Pinned.Select(axis => (axis.Tensor, axis.Axis)).ToHashSet();
            Assert.Empty(grouped.Intersect(pinned));
            Assert.All(dependencies.Pinned, axis => Assert.NotEmpty(axis.Reason));
            Assert.Equal(
                dependencies.Graph.Values.Where(value => value is ParameterValue or BufferValue)
                    .SelectMany(value => Enumerable.Range(0, value.SampleShape.Rank).Select(axis => (value.Name, axis))).ToHashSet(),
                [.. grouped, .. pinned]);
            (free, all) = (free + grouped.Count, all + grouped.Count + pinned.Count);
        });
        Assert.True(free > 0.4 * all, $"{free} of {all} axes are prunable.");
    }

    /// <summary>The check itself: one parameter keeps a removed index in place of a kept one, and outputs differ.</summary>
    /// <remarks>Where they don't, nothing depends on the index: a bias before normalisation, a channel that is never above 0.</remarks>
    [Fact]
    public void Compare_OneParameterCutAtAWrongIndex_Differs()
    {
        var (caught, missed) = (0, 0);
        ForEachGraph(Count / 4, (random, dependencies) =>
        {
            var removal = RandomRemoval(random, dependencies);
            var cut = dependencies.Graph.Values.OfType<ParameterValue>()
                .SelectMany(value => AxesOf(value, removal).Select(axis => (value, axis.Axis, axis.Kept)))
                .Where(entry => entry.Kept.Length < entry.value.SampleShape[entry.Axis]).ToList();
            if (cut.Count == 0)
                return;
            var (value, axis, kept) = cut[random.Next(cut.Count)];
            var (original, axes) = (value.Parameter.Data, AxesOf(value, removal).ToDictionary());
            int[] removed = [.. Enumerable.Range(0, value.SampleShape[axis]).Except(kept)];
            int[] wrong = [.. kept];
            wrong[random.Next(wrong.Length)] = removed[random.Next(removed.Length)];
            axes[axis] = wrong;
            var expected = new ReferenceRun(dependencies, removal).Run(random.Inputs);
            var (graph, _) = PruningSurgeon.Apply(dependencies, removal, random.Inputs);
            value.Parameter.Replace(axes.Aggregate(original, (part, entry) => Selected(part, entry.Key, entry.Value)));
            var outputs = new GraphModule(graph).Forward(random.Inputs);
            try
            {
                Verification.Compare(graph, expected, outputs, []);
                missed++;
            }
            catch (VerificationException)
            {
                caught++;
            }
        });
        Assert.True(missed < 0.1 * (caught + missed), $"{missed} wrong indices of {caught + missed} made no difference.");
    }

    private static IEnumerable<(int Axis, int[] Kept)> AxesOf(Value value, Removal removal) =>
        Enumerable.Range(0, value.SampleShape.Rank).Select(axis => (axis, Kept: removal.KeptOf(value, axis)!))
            .Where(entry => entry.Kept is not null);

    private static IEnumerable<Shape> ShapesOf(Graph graph) => graph.Outputs.Select(output => output.Value.SampleShape);

    private static Tensor Selected(Tensor tensor, int axis, int[] indices) =>
        Op.ApplySingle(new Concat(axis), [.. indices.Select(index => tensor.Narrow(axis, index, 1))]);

    private static Removal RandomRemoval(RandomGraph random, DependencyGraph dependencies)
    {
        var removal = new Removal(dependencies);
        foreach (var group in dependencies.Groups)
            if (!random.Chance(3))
                removal.Remove(group, random.Some(group.Size));
        return removal;
    }

    private static void ForEachGraph(int count, Action<RandomGraph, DependencyGraph> test)
    {
        var failures = new List<string>();
        for (var seed = First; seed < First + count && failures.Count < 5; seed++)
        {
            using var scope = new TensorScope();
            Graph? graph = null;
            try
            {
                var random = new RandomGraph(seed);
                graph = random.Graph;
                test(random, DependencyGraph.Of(graph));
            }
            catch (Exception error)
            {
                failures.Add($"graph {seed}: {error}\n{graph}");
            }
        }
        Assert.True(failures.Count == 0, string.Join("\n\n", failures));
    }

    private static int Setting(string name, int normal) =>
        Environment.GetEnvironmentVariable(name) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : normal;
}
