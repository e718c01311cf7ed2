using Coppice.Modules;
using Coppice.Pruning.Selection;
using Coppice.Tensors;

namespace Coppice.Pruning.Criteria;

/// <summary>Masks output channels by scores until a share of all channels is pruned.</summary>
/// <remarks>A channel is masked with all that makes it dead: its weights, its bias, and scale and shift of the batch normalisation that
/// alone reads it, as <see cref="NormLink"/>s tell. Its maps are then zero wherever they go, so it may also feed a residual sum.</remarks>
public static class ChannelPruning
{
    /// <summary>Share of the output channels that is masked.</summary>
    public static double Sparsity(IReadOnlyList<LiveWeight> weights, IReadOnlyList<NormLink> links)
    {
        var channels = weights.Select(weight => Of(weight, links)).ToList();
        return (double)channels.Sum(Dead) / channels.Sum(layer => layer.Count);
    }

    /// <summary>Masks the channels of lowest scores among those that remain, so that exactly <c>share x n</c>, rounded to the nearest,
    /// halves to even, are masked; nothing where there are more already.</summary>
    /// <param name="share">In [0, 1], of all channels, masked or not.</param>
    /// <param name="weights">Weights of convolutions and linear layers.</param>
    /// <param name="scores">One tensor [outputs] for each; the highest are kept. Equal ones go by weight and lowest channel.</param>
    /// <param name="links">Which batch normalisations follow which layers; see <see cref="NormLink.Trace"/>. None for a model
    /// without.</param>
    /// <param name="scope">Whether n counts the channels of all weights together, or of each.</param>
    /// <param name="keepOne">Whether each weight keeps at least its best channel, so that signals still pass.</param>
    /// <exception cref="PruningException">The share is not in [0, 1] or can't be met while each keeps one, or a weight is of another
    /// kind of layer; nothing has been changed.</exception>
    public static void To(double share, IReadOnlyList<LiveWeight> weights, IReadOnlyList<Tensor> scores, IReadOnlyList<NormLink> links,
        PruneScope scope = PruneScope.Global, bool keepOne = true)
    {
        var layers = weights.Zip(scores, (weight, score) => new ScoredChannels(Of(weight, links), score.ToArray<float>())).ToList();
        PruneTo(PruneAmount.Fraction(share),
            scope == PruneScope.Global ? [layers] : [.. layers.Select(layer => new List<ScoredChannels> { layer })],
            _ => keepOne ? 1 : 0);
    }

    /// <summary>Ranks the layers of each group together; all are decided before any is pruned.</summary>
    /// <param name="share">Of the channels of each group.</param>
    /// <param name="groups">Layers that are ranked together.</param>
    /// <param name="leastKept">How many of a layer's channels stay.</param>
    internal static void PruneTo(PruneAmount share, IReadOnlyList<List<ScoredChannels>> groups, Func<int, int> leastKept)
    {
        var marked = groups.SelectMany(layers => Lowest(share, layers, leastKept)).ToList();
        using var scope = new TensorScope();
        foreach (var (layer, channels) in groups.SelectMany(layers => layers).Zip(marked))
            if (channels.Contains(true))
                layer.Channels.Prune(channels);
    }

    private static bool[][] Lowest(PruneAmount share, List<ScoredChannels> layers, Func<int, int> leastKept)
    {
        var alive = layers.ConvertAll(layer => layer.Channels.Alive());
        var marked = alive.Select(channels => new bool[channels.Length]).ToArray();
        var count = share.Of(layers.Sum(layer => layer.Channels.Count), "channels") - alive.Sum(channels => channels.Count(a => !a));
        var candidates = layers
            .SelectMany((layer, i) => Candidates(layer, alive[i], leastKept(alive[i].Length)).Select(channel => (Layer: i, Channel: channel)))
            .OrderBy(at => layers[at.Layer].Scores[at.Channel]).ToList(); // stable: equal ones in their order
        if (count > candidates.Count)
            throw new PruningException($"{share} of the channels of {layers[0].Channels.Name}"
                + (layers.Count > 1 ? $" and {layers.Count - 1} more layers" : "")
                + $" means {count} more, but only {candidates.Count} can go while each layer keeps what it must; lower the share.");
        foreach (var (layer, channel) in candidates.Take((int)Math.Max(count, 0)))
            marked[layer][channel] = true;
        return marked;
    }

    private static IEnumerable<int> Candidates(ScoredChannels layer, bool[] alive, int least)
    {
        var channels = Enumerable.Range(0, alive.Length).Where(channel => alive[channel]).ToList();
        return channels.OrderBy(channel => layer.Scores[channel]).Take(Math.Max(0, channels.Count - least)).Order();
    }

    private static OutputChannels Of(LiveWeight weight, IReadOnlyList<NormLink> links) =>
        weight is { Module: Conv2d or Linear or Conv1D, Name: "weight" }
            ? OutputChannels.Of(
                weight.FullName, weight.Module, weight.OutputAxis, links.FirstOrDefault(link => link.Layer == weight.Module)?.Norm)
            : throw new PruningException($"'{weight.FullName}' of a {weight.Module.GetType().Name} has no output channels; "
                + "name weights of convolutions and linear layers.");

    private static int Dead(OutputChannels channels) => channels.Alive().Count(alive => !alive);
}

/// <summary>Channels and their scores, the highest to be kept.</summary>
internal sealed record ScoredChannels(OutputChannels Channels, float[] Scores);
