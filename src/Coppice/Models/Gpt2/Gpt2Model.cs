using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Models.Gpt2;

/// <summary>GPT-2 with its output layer: Hugging Face's GPT2LMHeadModel (Radford et al., 2019), the same names and arithmetic.</summary>
public sealed class Gpt2LMHeadModel : Module, ICausalLanguageModel, IBlockModel
{
    private readonly Gpt2Model _transformer;
    private readonly Linear _head;

    /// <summary>A model of this configuration, to be loaded.</summary>
    public Gpt2LMHeadModel(Gpt2Config config)
    {
        Config = config;
        _transformer = Register("transformer", new Gpt2Model(config));
        _head = Register("lm_head", config.TieWordEmbeddings
            ? new Linear(_transformer.TokenTable)
            : new Linear(config.Width, config.VocabSize, bias: false));
    }

    /// <summary>The configuration it was made from.</summary>
    public Gpt2Config Config { get; }

    /// <inheritdoc/>
    public int VocabSize => Config.VocabSize;

    /// <inheritdoc/>
    public int MaxPositions => Config.Positions;

    /// <inheritdoc/>
    public KvCache CreateCache(int capacity) => new(Config.Layers, capacity);

    /// <inheritdoc/>
    public Tensor Forward(Tensor ids, KvCache? cache = null, IReadOnlyList<int>? padding = null, bool lastOnly = false)
    {
        var hidden = _transformer.Forward(ids, cache, padding);             // [B, T, C]
        if (lastOnly)
            hidden = hidden.Narrow(1, hidden.Shape[1] - 1, 1);              // [B, 1, C]
        return Observed(_head.Forward(hidden));                             // [B, T, V]
    }

    /// <inheritdoc/>
    public Tensor ForwardMasked(Tensor ids, Tensor attentionMask) =>
        Observed(_head.Forward(_transformer.Forward(ids, Padding.Positions(attentionMask), Padding.Mask(attentionMask), cache: null)));

    /// <inheritdoc/>
    public IReadOnlyList<Module> Blocks => _transformer.Blocks;

    /// <inheritdoc/>
    public Tensor Embed(Tensor ids) => _transformer.Embed(ids, Tensor.Arange(0, ids.Shape[1]), past: 0);

    /// <inheritdoc/>
    public Tensor RunBlock(int block, Tensor hidden, Tensor? mask) => _transformer.Blocks[block].Forward(hidden, cache: null, mask);

    /// <inheritdoc/>
    public Tensor Finish(Tensor hidden) => _head.Forward(_transformer.Normalise(hidden));
}

/// <summary>The blocks without the output layer: Hugging Face's GPT2Model.</summary>
public sealed class Gpt2Model : Module
{
    private readonly Gpt2Config _config;
    private readonly Embedding _tokens;
    private readonly Embedding _positions;
    private readonly Gpt2Block[] _blocks;
    private readonly LayerNorm _norm;

    /// <summary>A model of this configuration, to be loaded.</summary>
    public Gpt2Model(Gpt2Config config)
    {
        _config = config;
        _tokens = Register("wte", new Embedding(config.VocabSize, config.Width));
        _positions = Register("wpe", new Embedding(config.Positions, config.Width));
        _blocks = Register("h", new ModuleList<Gpt2Block>(Enumerable.Range(0, config.Layers).Select(i => new Gpt2Block(config, i)))).Items;
        _norm = Register("ln_f", new LayerNorm(config.Width, config.LayerNormEpsilon));
    }

    /// <summary>The token table [vocabulary, width].</summary>
    public Parameter TokenTable => _tokens.Weight;

    /// <summary>Hidden states [batch, steps, width] after the last norm.</summary>
    /// <exception cref="ArgumentException">The sequence is longer than the position table.</exception>
    public Tensor Forward(Tensor ids, KvCache? cache, IReadOnlyList<int>? padding)
    {
        var (past, steps) = (cache?.Length ?? 0, ids.Shape[1]);
        var mask = padding is null ? null : Padding.LeadingMask(padding, past + steps);
        var positions = padding is null ? Tensor.Arange(past, steps) : Padding.Positions(padding, past, steps);
        return Forward(ids, positions, mask, cache);
    }

    internal IReadOnlyList<Gpt2Block> Blocks => _blocks;

    internal Tensor Forward(Tensor ids, Tensor positions, Tensor? mask, KvCache? cache)
    {
        var x = Embed(ids, positions, cache?.Length ?? 0);                  // [B, T, C]
        foreach (var block in _blocks)
            x = block.Forward(x, cache, mask);                              // [B, T, C]
        cache?.Advance(ids.Shape[1]);
        return Observed(Normalise(x));
    }

    /// <summary>The sum of token and position vectors; positions [T] or [B, T].</summary>
    internal Tensor Embed(Tensor ids, Tensor positions, int past)
    {
        var steps = ids.Shape[1];
        if (past + steps > _config.Positions)
            throw new ArgumentException(
                $"{past + steps} positions asked for; this GPT-2 has {_config.Positions} (n_positions). Shorten the text.", nameof(ids));
        return _tokens.Forward(ids).Add(_positions.Forward(positions));     // [B, T, C]
    }

    internal Tensor Normalise(Tensor hidden) => _norm.Forward(hidden);
}
