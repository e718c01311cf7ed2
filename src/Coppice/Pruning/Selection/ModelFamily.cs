using Coppice.Checkpoints;

namespace Coppice.Pruning.Selection;

/// <summary>Where a family of models keeps its blocks, embedding and head, as parameter names.</summary>
/// <param name="ModelTypes">Values of <c>model_type</c> in config.json.</param>
/// <param name="Block">The path segment before a block's number: <c>h</c> in <c>transformer.h.0.attn</c>.</param>
/// <param name="Embedding">End of the token embedding's name.</param>
/// <param name="Head">End of the output projection's name.</param>
/// <param name="TiesEmbeddings">Whether the head is the embedding where config.json does not say.</param>
/// <param name="InputMajor">Whether the blocks' weights are stored [in, out] (Hugging Face's Conv1D) instead of [out, in].</param>
public sealed record ModelFamily(
    IReadOnlyList<string> ModelTypes, string Block, string Embedding, string Head, bool TiesEmbeddings, bool InputMajor = false)
{
    private static readonly ModelFamily Gpt2 = new(["gpt2", "openai-gpt"], "h", "wte.weight", "lm_head.weight", true, InputMajor: true);

    private static readonly ModelFamily[] Known =
    [
        Gpt2,
        new(["bert", "electra"], "layer", "word_embeddings.weight", "cls.predictions.decoder.weight", true),
        new(["roberta", "xlm-roberta", "camembert"], "layer", "word_embeddings.weight", "lm_head.decoder.weight", true),
        new(["distilbert"], "layer", "word_embeddings.weight", "vocab_projector.weight", true),
        new(["llama", "mistral", "mixtral", "qwen2", "qwen3", "phi", "phi3"], "layers", "embed_tokens.weight", "lm_head.weight", false),
        new(["gemma", "gemma2", "opt"], "layers", "embed_tokens.weight", "lm_head.weight", true),
        new(["gpt_neox"], "layers", "embed_in.weight", "embed_out.weight", false),
        new(["gpt_neo"], "h", "wte.weight", "lm_head.weight", true),
        new(["gptj"], "h", "wte.weight", "lm_head.weight", false),
        new(["bloom", "falcon"], "h", "word_embeddings.weight", "lm_head.weight", true),
        new(["t5", "mt5"], "block", "shared.weight", "lm_head.weight", true),
        new(["bart", "whisper", "marian"], "layers", "shared.weight", "lm_head.weight", true),
    ];

    /// <summary>The family of a model: by its type, or a GPT-2 by its tensors; null if unknown.</summary>
    public static ModelFamily? Find(ModelFacts facts, IReadOnlyList<TensorSource> tensors) =>
        facts.ModelType is not null
            ? Known.FirstOrDefault(family => family.ModelTypes.Contains(facts.ModelType))
            : tensors.Any(IsGpt2Attention) ? Gpt2 : null;

    /// <summary>Whether a parameter belongs to one of the blocks.</summary>
    public bool IsInBlock(string name)
    {
        var segments = name.Split('.');
        for (var i = 0; i + 1 < segments.Length; i++)
            if (segments[i] == Block && int.TryParse(segments[i + 1], out _))
                return true;
        return false;
    }

    /// <summary>Query, key and value side by side, stored [in, 3 in]: only GPT-2's Conv1D looks so.</summary>
    private static bool IsGpt2Attention(TensorSource tensor) =>
        tensor.Name.EndsWith("attn.c_attn.weight", StringComparison.Ordinal)
        && tensor.Shape.Rank == 2 && tensor.Shape[1] == 3L * tensor.Shape[0];
}
