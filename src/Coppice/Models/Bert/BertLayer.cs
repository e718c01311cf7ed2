using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Models.Bert;

/// <summary>One post-norm block: attention and feed-forward, each added to its input and normalised.</summary>
public sealed class BertLayer : Module
{
    private readonly BertAttention _attention;
    private readonly BertIntermediate _intermediate;
    private readonly BertOutput _output;

    internal BertLayer(BertConfig config, int layer)
    {
        _attention = Register("attention", new BertAttention(config, config.AttentionWidth(layer)));
        _intermediate = Register("intermediate", new BertIntermediate(config));
        _output = Register("output", new BertOutput(config, config.Inner));
    }

    internal Tensor Forward(Tensor x, Tensor? mask)
    {
        x = _attention.Forward(x, mask);                                    // [B, T, C]
        return Observed(_output.Forward(_intermediate.Forward(x), x));      // [B, T, F] -> [B, T, C]
    }
}

/// <summary>Self-attention with its output projection.</summary>
public sealed class BertAttention : Module
{
    private readonly BertSelfAttention _self;
    private readonly BertOutput _output;

    internal BertAttention(BertConfig config, int width)
    {
        _self = Register("self", new BertSelfAttention(config, width));
        _output = Register("output", new BertOutput(config, width));
    }

    internal Tensor Forward(Tensor x, Tensor? mask) => Observed(_output.Forward(_self.Forward(x, mask), x));
}

/// <summary>Query, key and value projections and the attention between them.</summary>
public sealed class BertSelfAttention : Module, ISelfAttention
{
    private readonly Linear _query;
    private readonly Linear _key;
    private readonly Linear _value;
    private readonly int _headSize;

    internal BertSelfAttention(BertConfig config, int width)
    {
        _query = Register("query", new Linear(config.Width, width));
        _key = Register("key", new Linear(config.Width, width));
        _value = Register("value", new Linear(config.Width, width));
        _headSize = config.Width / config.Heads;
    }

    /// <inheritdoc/>
    public float Scale => 1 / MathF.Sqrt(_headSize);

    /// <inheritdoc/>
    public bool IsCausal => false;

    internal Tensor Forward(Tensor x, Tensor? mask)
    {
        var queries = Observed(Heads(_query.Forward(x)), ObservationPoint.Queries); // [B, H, T, D]
        var keys = Observed(Heads(_key.Forward(x)), ObservationPoint.Keys);         // [B, H, T, D]
        var values = Observed(Heads(_value.Forward(x)), ObservationPoint.Values);   // [B, H, T, D]
        return Observed(queries.Attention(keys, values, IsCausal, mask, Scale));    // [B, T, H·D]
    }

    private Tensor Heads(Tensor x) => x.Reshape(x.Shape[0], x.Shape[1], x.Shape[2] / _headSize, _headSize).Transpose(1, 2);
}

/// <summary>The widening half of the feed-forward layer.</summary>
public sealed class BertIntermediate : Module
{
    private readonly Linear _dense;
    private readonly Activation _activation;

    internal BertIntermediate(BertConfig config)
    {
        _dense = Register("dense", new Linear(config.Width, config.Inner));
        _activation = new Activation(config.Activation);
    }

    internal Tensor Forward(Tensor x) => Observed(_activation.Forward(_dense.Forward(x)));  // [B, T, C] -> [B, T, F]
}

/// <summary>A projection back to the model's width, added to the residual and normalised.</summary>
public sealed class BertOutput : Module
{
    private readonly Linear _dense;
    private readonly LayerNorm _norm;

    internal BertOutput(BertConfig config, int inputWidth)
    {
        _dense = Register("dense", new Linear(inputWidth, config.Width));
        _norm = Register("LayerNorm", new LayerNorm(config.Width, config.LayerNormEpsilon));
    }

    internal Tensor Forward(Tensor x, Tensor residual) => Observed(_norm.Forward(_dense.Forward(x).Add(residual)));
}
