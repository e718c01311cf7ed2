using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Models.Bert;

/// <summary>BERT (Devlin et al., 2018) with its pooler: Hugging Face's BertModel, the same names and arithmetic.</summary>
public sealed class BertModel : Module
{
    private readonly BertEmbeddings _embeddings;
    private readonly BertEncoder _encoder;
    private readonly BertPooler _pooler;

    /// <summary>A model of this configuration, to be loaded.</summary>
    public BertModel(BertConfig config)
    {
        _embeddings = Register("embeddings", new BertEmbeddings(config));
        _encoder = Register("encoder", new BertEncoder(config));
        _pooler = Register("pooler", new BertPooler(config));
    }

    /// <summary>Hidden states [batch, steps, width] and the pooled first one [batch, width].</summary>
    /// <inheritdoc cref="ITextClassifier.Forward" path="/param"/>
    public (Tensor Hidden, Tensor Pooled) Forward(Tensor ids, IReadOnlyList<int>? lengths = null, Tensor? tokenTypes = null) =>
        Forward(ids, tokenTypes, lengths is null ? null : Padding.TrailingMask(lengths, ids.Shape[1]));

    /// <summary>The same, by ops alone.</summary>
    /// <inheritdoc cref="ITextClassifier.ForwardMasked" path="/param"/>
    public (Tensor Hidden, Tensor Pooled) ForwardMasked(Tensor ids, Tensor attentionMask, Tensor tokenTypes) =>
        Forward(ids, tokenTypes, Padding.Mask(attentionMask));

    private (Tensor Hidden, Tensor Pooled) Forward(Tensor ids, Tensor? tokenTypes, Tensor? mask)
    {
        var hidden = Observed(_encoder.Forward(_embeddings.Forward(ids, tokenTypes), mask));    // [B, T, C]
        return (hidden, Pool(hidden));
    }

    /// <summary>Longest sequence it can see.</summary>
    public int MaxPositions => _embeddings.Positions;

    internal IReadOnlyList<BertLayer> Layers => _encoder.Layers;

    internal Tensor Embed(Tensor ids) => _embeddings.Forward(ids, tokenTypes: null);

    internal Tensor Pool(Tensor hidden) => _pooler.Forward(hidden);
}

/// <summary>The sum of word, position and token type vectors, normalised.</summary>
public sealed class BertEmbeddings : Module
{
    private readonly int _positionCount;
    private readonly Embedding _words;
    private readonly Embedding _positions;
    private readonly Embedding _types;
    private readonly LayerNorm _norm;

    internal BertEmbeddings(BertConfig config)
    {
        _positionCount = config.Positions;
        _words = Register("word_embeddings", new Embedding(config.VocabSize, config.Width));
        _positions = Register("position_embeddings", new Embedding(config.Positions, config.Width));
        _types = Register("token_type_embeddings", new Embedding(config.TokenTypes, config.Width));
        _norm = Register("LayerNorm", new LayerNorm(config.Width, config.LayerNormEpsilon));
    }

    internal int Positions => _positionCount;

    internal Tensor Forward(Tensor ids, Tensor? tokenTypes)
    {
        var steps = ids.Shape[1];
        if (steps > _positionCount)
            throw new ArgumentException($"{steps} tokens given; this BERT sees {_positionCount} (max_position_embeddings). Cut the text.", nameof(ids));
        var positions = _positions.Forward(Tensor.Arange(0, steps));                        // [T, C]
        var types = _types.Forward(tokenTypes ?? Tensor.Zeros([1], DType.I64));             // [B, T, C] or [1, C]
        return Observed(_norm.Forward(_words.Forward(ids).Add(types).Add(positions)));      // [B, T, C]
    }
}

/// <summary>The blocks, one after another.</summary>
public sealed class BertEncoder : Module
{
    private readonly BertLayer[] _layers;

    internal BertEncoder(BertConfig config) =>
        _layers = Register("layer", new ModuleList<BertLayer>(Enumerable.Range(0, config.Layers).Select(i => new BertLayer(config, i)))).Items;

    internal IReadOnlyList<BertLayer> Layers => _layers;

    internal Tensor Forward(Tensor x, Tensor? mask)
    {
        foreach (var layer in _layers)
            x = layer.Forward(x, mask);                                                     // [B, T, C]
        return Observed(x);
    }
}

/// <summary>tanh(W·h₀ + b): what the first token's hidden state says of the whole sequence.</summary>
public sealed class BertPooler : Module
{
    private readonly Linear _dense;

    internal BertPooler(BertConfig config) => _dense = Register("dense", new Linear(config.Width, config.Width));

    internal Tensor Forward(Tensor hidden) =>
        Observed(_dense.Forward(hidden.Narrow(1, 0, 1).Squeeze(1)).Tanh());                 // [B, T, C] -> [B, C]
}
