using Coppice.Checkpoints;
using Coppice.Pruning.Importance;
using Coppice.Pruning.Masks;
using Coppice.Pruning.Selection;
using Coppice.Pruning.Streaming;
using Coppice.Tensors.Kernels;

namespace Coppice.Pruning.Methods;

/// <summary>Ranks all weights together by <see cref="LampScores"/>, so that each layer gets a sparsity of its own (Lee et al.,
/// "Layer-adaptive sparsity for the magnitude-based pruning", 2021).</summary>
/// <remarks>
/// A score needs the order of its whole layer, so this method does hold memory that grows with the model: one F32 score for each weight in
/// scope until the result is written, and while a layer is scored some 24 bytes for each of its weights. Values are ranked as F32.
/// </remarks>
public sealed record LampPruning : PruningMethod
{
    /// <inheritdoc/>
    public override MethodOptions Options => new("lamp");

    /// <inheritdoc/>
    public override bool IsAlwaysGlobal => true;

    /// <inheritdoc/>
    public override IReadOnlyList<WeightMask> ComputeMasks(PruneTask task) => Ranking.ComputeMasks(task,
        (group, _) => Keys(group),
        (weight, keys, limit) => new RankMask(weight.Source.DType, task.Semantics, keys, limit));

    private static KeySource[] Keys(IReadOnlyList<SelectedWeight> weights)
    {
        foreach (var weight in weights)
            if (weight.Source.Count > Array.MaxLength)
                throw new PruningException($"'{weight.Name}' {weight.Source.Shape} has too many elements to score at once; exclude it.");
        var keys = new KeySource[weights.Count];
        Workers.For(keys.Length, i =>
        {
            var scores = LampScores.Compute(weights[i].Source.ToSingle()).ToArray<float>();
            for (var s = 0; s < scores.Length; s++)
                scores[s] = Math.Abs(scores[s]); // NaN may come with a sign
            keys[i] = new ArrayKeys<float>(scores);
        });
        return keys;
    }
}
