using Coppice.Checkpoints;
using Coppice.Modules;
using Coppice.Pruning.Streaming;

namespace Coppice.Pruning.Selection;

/// <summary>Tensors that are one weight under several names.</summary>
/// <param name="Tensors">Those in the checkpoint, at least one.</param>
/// <param name="AbsentNames">Names that the model ties to them and the checkpoint leaves out.</param>
internal sealed record TiedTensors(IReadOnlyList<TensorSource> Tensors, IReadOnlyList<string> AbsentNames)
{
    public IEnumerable<string> Names => Tensors.Select(tensor => tensor.Name).Concat(AbsentNames);

    public bool Matches(IReadOnlyList<string> globs) => globs.Any(glob => Names.Any(name => NameGlob.Matches(glob, name)));
}

/// <summary>Finds tied weights: the same memory under two names, or an embedding and a head that config.json ties.</summary>
internal static class TiedWeights
{
    /// <summary>The tensors in order, tied ones together at the place of the first.</summary>
    public static List<TiedTensors> Group(IReadOnlyList<TensorSource> tensors, ModelFacts facts, ModelFamily? family)
    {
        var groups = tensors.GroupBy(tensor => tensor.Identity).Select(group => new TiedTensors([.. group], [])).ToList();
        if (family is null || !(facts.TiesEmbeddings ?? family.TiesEmbeddings))
            return groups;
        var embedding = groups.FindIndex(group => group.Names.Any(name => EndsWithPath(name, family.Embedding)));
        var head = groups.FindIndex(group => group.Names.Any(name => EndsWithPath(name, family.Head)));
        if (embedding < 0 || embedding == head)
            return groups;
        if (head < 0 && facts.HasLanguageHead)
            groups[embedding] = groups[embedding] with { AbsentNames = [family.Head] };
        else if (head >= 0 && SameValues(groups[embedding].Tensors[0], groups[head].Tensors[0]))
            Merge(groups, Math.Min(embedding, head), Math.Max(embedding, head));
        return groups;
    }

    /// <summary>One warning for each tied weight in scope.</summary>
    public static IEnumerable<string> Warnings(IReadOnlyList<SelectedWeight> weights, ModelFamily? family)
    {
        foreach (var weight in weights.Where(weight => weight.Aliases.Count > 0))
        {
            var isEmbedding = family is not null && weight.Aliases.Append(weight.Name).Any(name => EndsWithPath(name, family.Embedding));
            var others = string.Join(", ", weight.Aliases.Select(name => $"'{name}'"));
            yield return $"'{weight.Name}' is tied to {others}: pruning one prunes the other"
                + (isEmbedding ? ", so the input embedding is pruned too." : ".");
        }
    }

    private static void Merge(List<TiedTensors> groups, int first, int second)
    {
        groups[first] = new TiedTensors([.. groups[first].Tensors, .. groups[second].Tensors], []);
        groups.RemoveAt(second);
    }

    private static bool EndsWithPath(string name, string end) => name == end || name.EndsWith("." + end, StringComparison.Ordinal);

    private static bool SameValues(TensorSource left, TensorSource right)
    {
        if (left.DType != right.DType || left.Shape != right.Shape)
            return false;
        using var leftLease = TensorChunks.Rent();
        using var rightLease = TensorChunks.Rent();
        foreach (var chunk in TensorChunks.Split([left.Count]))
        {
            var (first, count) = (chunk.First, chunk.Count);
            if (!left.Elements(first, count, leftLease.Buffer).SequenceEqual(right.Elements(first, count, rightLease.Buffer)))
                return false;
        }
        return true;
    }
}
