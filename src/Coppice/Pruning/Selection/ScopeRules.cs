using Coppice.Checkpoints;
using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Pruning.Selection;

/// <summary>The default scope: linear-like weights of the blocks, without embeddings, norms, biases and heads.</summary>
internal sealed class ScopeRules
{
    private static readonly string[] Buffers =
        ["position_ids", "token_type_ids", "masked_bias", "running_mean", "running_var", "num_batches_tracked", "inv_freq", "_mask"];

    private static readonly string[] EmbeddingMarks = ["embed", "wte", "wpe", "tok_", "relative_attention_bias"];
    private static readonly string[] EmbeddingNames = ["shared"];
    private static readonly string[] NormMarks = ["norm", "ln_", "layer_norm"];

    private static readonly string[] HeadNames =
    [
        "lm_head", "head", "heads", "score", "cls", "classifier", "qa_outputs", "vocab_projector", "embed_out", "output_projection",
        "logits",
    ];

    private static readonly string[] LastLinearNames = ["fc", "linear", "dense", "output", "out", "last_linear"];

    private readonly ModelFacts _facts;
    private readonly string? _lastLinear;

    public ScopeRules(ModelFacts facts, IReadOnlyList<TensorSource> tensors)
    {
        _facts = facts;
        var family = ModelFamily.Find(facts, tensors);
        // A config.json that speaks of blocks the file does not have says nothing about it.
        Family = family is not null && tensors.Any(tensor => family.IsInBlock(tensor.Name)) ? family : null;
        _lastLinear = tensors
            .LastOrDefault(tensor => tensor.Shape.Rank == 2 && tensor.Name.EndsWith("weight", StringComparison.Ordinal))?.Name;
    }

    /// <summary>The model's family, if known.</summary>
    public ModelFamily? Family { get; }

    /// <summary>Whether a tensor is state that training does not learn.</summary>
    public static bool IsBuffer(TensorSource tensor) =>
        Buffers.Any(end => tensor.Name.EndsWith(end, StringComparison.Ordinal))
        || (tensor.Name.EndsWith("attn.bias", StringComparison.Ordinal) && tensor.Shape.Rank > 2);

    /// <summary>Why a tensor is out of the default scope; null if it is in.</summary>
    public string? WhyOut(TensorSource tensor)
    {
        if (!tensor.DType.IsFloatingPoint())
            return $"not floating-point ({tensor.DType})";
        if (_facts.Roles is { } roles)
            return roles.TryGetValue(tensor.Name, out var role) ? role.WhyOut : "no node reads it";
        if (IsBuffer(tensor))
            return "a buffer, no parameter";
        if (MaskedName.WeightOfOriginal(tensor.Name) is not null)
            return "left over from torch.nn.utils.prune: multiply it by its mask first";
        if (tensor.Shape.Rank < 2)
            return "a vector: bias or normalisation";
        if (!tensor.Name.EndsWith("weight", StringComparison.Ordinal))
            return "its name does not end in 'weight'";
        return WhyOutByPlace(tensor);
    }

    private string? WhyOutByPlace(TensorSource tensor)
    {
        var segments = tensor.Name.Split('.');
        // Patch embeddings, of rank 4, are convolutions.
        if (tensor.Shape.Rank == 2 && (HasMark(tensor, EmbeddingMarks) || segments.Intersect(EmbeddingNames).Any()))
            return "an embedding";
        if (Family is not null)
            return Family.IsInBlock(tensor.Name) ? null : $"outside the blocks of a {Family.ModelTypes[0]}";
        if (HasMark(tensor, NormMarks))
            return "a normalisation";
        if (IsHead(tensor.Name, segments))
            return "the model's head";
        return tensor.Shape.Rank == 2 && tensor.Shape[0] == _facts.VocabularySize
            ? "as many rows as the vocabulary: an embedding or head"
            : null;
    }

    private static bool HasMark(TensorSource tensor, string[] marks) =>
        marks.Any(mark => tensor.Name.Contains(mark, StringComparison.Ordinal));

    /// <summary>By name, or the last linear layer under a usual name; in <c>classifier.0</c>, <c>classifier.3</c>, ... only the
    /// last.</summary>
    private bool IsHead(string name, string[] segments)
    {
        var module = segments.Length > 1 ? segments[^2] : "";
        for (var i = 0; i < segments.Length - 1; i++)
            if (HeadNames.Contains(segments[i]))
                return !int.TryParse(segments[i + 1], out _) || name == _lastLinear;
        return name == _lastLinear && LastLinearNames.Contains(module.TrimEnd([.. "0123456789"]));
    }
}
