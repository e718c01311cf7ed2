using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Models.Llama;

/// <summary>Llama (Touvron et al., 2023) with its output layer, and Mistral and Qwen2, which differ in their configurations: Hugging
/// Face's ...ForCausalLM, the same names and arithmetic.</summary>
public sealed class LlamaForCausalLM : Module, ICausalLanguageModel, IBlockModel
{
    private readonly LlamaModel _model;
    private readonly Linear _head;

    /// <summary>A model of this configuration, to be loaded.</summary>
    public LlamaForCausalLM(LlamaConfig config)
    {
        Config = config;
        _model = Register("model", new LlamaModel(config));
        _head = Register("lm_head", config.TieWordEmbeddings
            ? new Linear(_model.TokenTable)
            : new Linear(config.Width, config.VocabSize, bias: false));
    }

    /// <summary>The configuration it was made from.</summary>
    public LlamaConfig Config { get; }

    /// <inheritdoc/>
    public int VocabSize => Config.VocabSize;

    /// <inheritdoc/>
    public int MaxPositions => Config.Context;

    /// <inheritdoc/>
    public IReadOnlyList<Module> Blocks => _model.Blocks;

    /// <inheritdoc/>
    public KvCache CreateCache(int capacity) => new(Blocks.Count, capacity);

    /// <inheritdoc/>
    public Tensor Forward(Tensor ids, KvCache? cache = null, IReadOnlyList<int>? padding = null, bool lastOnly = false)
    {
        var hidden = _model.Forward(ids, cache, padding);                   // [B, T, C]
        if (lastOnly)
            hidden = hidden.Narrow(1, hidden.Shape[1] - 1, 1);              // [B, 1, C]
        return Observed(_head.Forward(hidden));                             // [B, T, V]
    }

    /// <inheritdoc/>
    public Tensor ForwardMasked(Tensor ids, Tensor attentionMask) =>
        Observed(_head.Forward(_model.Forward(ids, Padding.Positions(attentionMask), Padding.Mask(attentionMask), cache: null)));

    /// <inheritdoc/>
    public Tensor Embed(Tensor ids) => _model.Embed(ids, past: 0);

    /// <inheritdoc/>
    public Tensor RunBlock(int block, Tensor hidden, Tensor? mask) =>
        _model.Blocks[block].Forward(hidden, Tensor.Arange(0, hidden.Shape[1]), cache: null, mask);

    /// <inheritdoc/>
    public Tensor Finish(Tensor hidden) => _head.Forward(_model.Normalise(hidden));
}

/// <summary>The blocks without the output layer: Hugging Face's LlamaModel.</summary>
public sealed class LlamaModel : Module
{
    private readonly LlamaConfig _config;
    private readonly Embedding _tokens;
    private readonly LlamaBlock[] _blocks;
    private readonly RmsNorm _norm;

    /// <summary>A model of this configuration, to be loaded.</summary>
    public LlamaModel(LlamaConfig config)
    {
        _config = config;
        var frequencies = TensorScope.Detach(Tensor.From<float>(config.RotaryFrequencies(), [config.HeadSize / 2]));
        _tokens = Register("embed_tokens", new Embedding(config.VocabSize, config.Width));
        _blocks = Register("layers", new ModuleList<LlamaBlock>(
            Enumerable.Range(0, config.Layers).Select(i => new LlamaBlock(config, i, frequencies)))).Items;
        _norm = Register("norm", new RmsNorm(config.Width, config.NormEpsilon));
    }

    /// <summary>The token table [vocabulary, width].</summary>
    public Parameter TokenTable => _tokens.Weight;

    /// <summary>Hidden states [batch, steps, width] after the last norm.</summary>
    /// <exception cref="ArgumentException">The sequence is longer than the model's context.</exception>
    public Tensor Forward(Tensor ids, KvCache? cache, IReadOnlyList<int>? padding)
    {
        var (past, steps) = (cache?.Length ?? 0, ids.Shape[1]);
        var mask = padding is null ? null : Padding.LeadingMask(padding, past + steps);
        var positions = padding is null ? Tensor.Arange(past, steps) : Padding.Positions(padding, past, steps);
        return Forward(ids, positions, mask, cache);
    }

    internal IReadOnlyList<LlamaBlock> Blocks => _blocks;

    /// <summary>The same at positions [T] or [B, T].</summary>
    internal Tensor Forward(Tensor ids, Tensor positions, Tensor? mask, KvCache? cache)
    {
        var x = Embed(ids, cache?.Length ?? 0);                             // [B, T, C]
        foreach (var block in _blocks)
            x = block.Forward(x, positions, cache, mask);                   // [B, T, C]
        cache?.Advance(ids.Shape[1]);
        return Observed(Normalise(x));
    }

    internal Tensor Embed(Tensor ids, int past)
    {
        if (past + ids.Shape[1] > _config.Context)
            throw new ArgumentException($"{past + ids.Shape[1]} positions asked for; this {_config.ModelType} model sees {_config.Context} "
                + "(max_position_embeddings, or sliding_window where that is shorter). Shorten the text.", nameof(ids));
        return _tokens.Forward(ids);
    }

    internal Tensor Normalise(Tensor hidden) => _norm.Forward(hidden);
}
