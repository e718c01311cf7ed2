using Coppice.Data;
using Coppice.Models;
using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Training.Distillation;

/// <summary>What is multiplied with what in an <see cref="AttentionRelationTransfer"/>.</summary>
public enum AttentionRelation
{
    /// <summary>Queries with keys: with the model's own heads, its attention probabilities.</summary>
    QueryKey,

    /// <summary>Queries with queries.</summary>
    QueryQuery,

    /// <summary>Keys with keys.</summary>
    KeyKey,

    /// <summary>Values with values.</summary>
    ValueValue,
}

/// <summary>
/// Matches how tokens relate in self-attention: with <c>R = softmax(scale A Bᵀ)</c> [T, T] for each head, the loss is the mean over heads
/// and tokens of <c>KL(R of the teacher || R of the student)</c>. <see cref="AttentionRelation.QueryKey"/> and
/// <see cref="AttentionRelation.ValueValue"/> of the last layers together are MiniLM (Wang et al. 2020); the others with
/// <see cref="Heads"/> are MiniLMv2 (Wang et al. 2021). Padding does not count, and in a causal model tokens relate to those before alone.
/// </summary>
/// <remarks>A path names an attention module, or a module with exactly one below it, such as a block. Hidden widths may differ.</remarks>
/// <inheritdoc cref="LayerTransfer(string, string, float)" path="/param"/>
public sealed record AttentionRelationTransfer(string Student, string Teacher, float Weight = 1) : LayerTransfer(Student, Teacher, Weight)
{
    /// <summary>What is multiplied with what.</summary>
    public AttentionRelation Relation { get; init; }

    /// <summary>Heads that vectors are cut into anew, with a scale of <c>1 / sqrt(width of one)</c>, for models whose numbers of heads
    /// differ; null for each model's own.</summary>
    public int? Heads { get; init; }

    internal override IReadOnlyList<ObservationPoint> Points => Relation switch
    {
        AttentionRelation.QueryQuery => [ObservationPoint.Queries],
        AttentionRelation.KeyKey => [ObservationPoint.Keys],
        AttentionRelation.ValueValue => [ObservationPoint.Values],
        _ => [ObservationPoint.Queries, ObservationPoint.Keys],
    };

    private protected override string Remedy =>
        $"These are heads, tokens and what they relate to: where heads differ, set {nameof(Heads)} to a number that divides both widths.";

    internal override Module Find(Module root, string path)
    {
        Module[] found = [.. root.Find(path).NamedModules().Select(named => named.Module).Where(module => module is ISelfAttention)];
        return found.Length == 1
            ? found[0]
            : throw new ArgumentException(
                $"'{path}' holds {found.Length} self-attention modules; name a module with exactly one.", nameof(path));
    }

    internal override Tensor Describe(Module module, IReadOnlyList<Tensor> seen, TrainingBatch batch)
    {
        var attention = (ISelfAttention)module;
        var (left, right) = (ByHead(seen[0]), ByHead(seen[^1]));                        // [H, B, T, D]
        var (heads, size, steps) = (left.Shape[0], left.Shape[3], left.Shape[2]);
        var scale = Relation == AttentionRelation.QueryKey && Heads is null ? attention.Scale : 1 / MathF.Sqrt(size);
        var logits = left.Multiply(Tensor.Full([], scale)).MatMul(right.Transpose(2, 3));    // [H, B, T, T]
        if (attention.IsCausal)
            logits = logits.Add(Padding.CausalMask(steps));
        if (batch is TextBatch text && RealTokens.Rows(text, steps, heads) is { } rows)
        {
            logits = logits.Add(Padding.TrailingMask(text.Lengths, steps).Squeeze(1));  // [B, 1, T]
            logits = logits.Reshape(-1, steps).Embedding(rows);                         // [H tokens, T]
        }
        return logits.Reshape(heads, -1, steps);                                        // [H, tokens, T]
    }

    internal override Tensor Compare(Tensor student, Tensor teacher) => student.KlDivergence(teacher);

    private Tensor ByHead(Tensor vectors)
    {
        if (Heads is not { } heads)
            return vectors.Transpose(0, 1);
        var joined = vectors.Transpose(1, 2);                                           // [B, T, H, D]
        var (batch, steps, width) = (joined.Shape[0], joined.Shape[1], joined.Shape[2] * joined.Shape[3]);
        if (heads < 1 || width % heads != 0)
            throw new TrainingException($"{nameof(AttentionRelationTransfer)} of '{Student}' and '{Teacher}': a width of {width} can't be "
                + $"cut into {heads} heads; set {nameof(Heads)} to a number that divides both widths.");
        return joined.Reshape(batch, steps, heads, width / heads).Transpose(1, 2).Transpose(0, 1);
    }
}
