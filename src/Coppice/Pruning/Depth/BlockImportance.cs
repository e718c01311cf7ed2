using System.Numerics.Tensors;
using Coppice.Models;
using Coppice.Tensors.Autograd;
using Tensor = Coppice.Tensors.Tensor;
using TensorScope = Coppice.Tensors.TensorScope;

namespace Coppice.Pruning.Depth;

/// <summary>How much the blocks of a model change the hidden states that run through them.</summary>
public static class BlockImportance
{
    /// <summary>1 - the mean over all tokens of the cosine of a block's input and output: block influence (Men et al. 2024,
    /// ShortGPT).</summary>
    /// <param name="model">The model.</param>
    /// <param name="batches">Token ids I64 [B, T], without padding; at least one batch.</param>
    /// <returns>A score in 0..2 for each block; the lower, the less it does.</returns>
    /// <exception cref="PruningException">There are no batches, or hidden states are not finite.</exception>
    public static double[] Influence(IBlockModel model, IEnumerable<Tensor> batches) =>
        Mean(model, batches, span: 1, lastOnly: false, cosine => 1 - cosine);

    /// <summary>The mean over all sequences of arccos(cosine) / pi of the last token's hidden states before a run of blocks and behind it
    /// (Gromov et al. 2024).</summary>
    /// <param name="model">The model.</param>
    /// <param name="batches">Token ids I64 [B, T], without padding; at least one batch.</param>
    /// <param name="span">Blocks of a run, from 1 to all.</param>
    /// <returns>A distance in 0..1 for each first block of a run.</returns>
    /// <exception cref="PruningException">There are no batches, or hidden states are not finite.</exception>
    public static double[] AngularDistance(IBlockModel model, IEnumerable<Tensor> batches, int span) =>
        Mean(model, batches, span, lastOnly: true, cosine => Math.Acos(Math.Clamp(cosine, -1, 1)) / Math.PI);

    /// <summary>Scores blocks and tells which matter least: single ones, or with <paramref name="isAngular"/> a run of consecutive ones.</summary>
    /// <param name="model">The model.</param>
    /// <param name="batches">Token ids I64 [B, T], without padding; at least one batch.</param>
    /// <param name="count">How many blocks, from 1 to all.</param>
    /// <param name="isAngular">Whether by <see cref="AngularDistance"/>, else by <see cref="Influence"/>.</param>
    /// <returns>A score for each block, or each first block of a run; the blocks, ascending, of equal ones the first.</returns>
    /// <exception cref="PruningException">There are no batches, or hidden states are not finite.</exception>
    public static (double[] Scores, IReadOnlyList<int> Lowest) Lowest(IBlockModel model, IEnumerable<Tensor> batches, int count, bool isAngular)
    {
        if (!isAngular)
        {
            var influence = Influence(model, batches);
            return (influence, LowestOf(influence, count));
        }
        var distances = AngularDistance(model, batches, count);
        return (distances, [.. Enumerable.Range(Array.IndexOf(distances, distances.Min()), count)]);
    }

    /// <summary>The blocks of lowest scores, ascending; of equal ones the first.</summary>
    internal static IReadOnlyList<int> LowestOf(double[] scores, int count) =>
        [.. Enumerable.Range(0, scores.Length).OrderBy(block => scores[block]).Take(count).Order()];

    private static double[] Mean(IBlockModel model, IEnumerable<Tensor> batches, int span, bool lastOnly, Func<double, double> distance)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(span, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(span, model.Blocks.Count);
        using var paused = Tape.Pause();
        var (sums, rows) = (new double[model.Blocks.Count - span + 1], 0L);
        foreach (var ids in batches)
        {
            using var scope = new TensorScope();
            var states = States(model, ids);
            var (width, steps) = (states[0].Shape[^1], ids.Shape[1]);
            for (var row = lastOnly ? steps - 1 : 0; row < ids.Count; row += lastOnly ? steps : 1, rows++)
                for (var block = 0; block < sums.Length; block++)
                    sums[block] += distance(Cosine(states[block], states[block + span], row * width, width));
        }
        if (rows == 0 || !Array.TrueForAll(sums, double.IsFinite))
            throw new PruningException("Blocks can't be scored: there are no calibration tokens, or the model's hidden states are not finite.");
        return Array.ConvertAll(sums, sum => sum / rows);
    }

    /// <summary>What enters each block, and what leaves the last: [B, T, C] each.</summary>
    private static List<Tensor> States(IBlockModel model, Tensor ids)
    {
        var states = new List<Tensor> { model.Embed(ids).Contiguous() };
        for (var block = 0; block < model.Blocks.Count; block++)
            states.Add(model.RunBlock(block, states[^1], mask: null).Contiguous());
        return states;
    }

    private static double Cosine(Tensor a, Tensor b, int start, int width) =>
        TensorPrimitives.CosineSimilarity(a.AsReadOnlySpan<float>().Slice(start, width), b.AsReadOnlySpan<float>().Slice(start, width));
}
