using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Models.Llama;

/// <summary>One pre-norm block: attention and feed-forward, each added to its input.</summary>
public sealed class LlamaBlock : Module
{
    private readonly RmsNorm _norm1;
    private readonly LlamaAttention _attention;
    private readonly RmsNorm _norm2;
    private readonly LlamaMlp _mlp;

    internal LlamaBlock(LlamaConfig config, int layer, Tensor frequencies)
    {
        _attention = Register("self_attn", new LlamaAttention(config, layer, frequencies));
        _mlp = Register("mlp", new LlamaMlp(config));
        _norm1 = Register("input_layernorm", new RmsNorm(config.Width, config.NormEpsilon));
        _norm2 = Register("post_attention_layernorm", new RmsNorm(config.Width, config.NormEpsilon));
    }

    internal Tensor Forward(Tensor x, Tensor positions, KvCache? cache, Tensor? mask)
    {
        x = x.Add(_attention.Forward(_norm1.Forward(x), positions, cache, mask));   // [B, T, C]
        return Observed(x.Add(_mlp.Forward(_norm2.Forward(x))));                    // [B, T, C]
    }
}

/// <summary>Causal self-attention with rotary positions, in which a key head serves a group of query heads.</summary>
public sealed class LlamaAttention : Module, ISelfAttention
{
    private readonly Linear _queries;
    private readonly Linear _keys;
    private readonly Linear _values;
    private readonly Linear _output;
    private readonly Tensor _frequencies;
    private readonly int _layer;
    private readonly int _headSize;

    internal LlamaAttention(LlamaConfig config, int layer, Tensor frequencies)
    {
        _headSize = config.HeadSize;
        var (width, inner, keys) = (config.Width, config.Heads * _headSize, (config.KeyHeads ?? config.Heads) * _headSize);
        _queries = Register("q_proj", new Linear(width, inner, config.HasQueryBias));
        _keys = Register("k_proj", new Linear(width, keys, config.HasQueryBias));
        _values = Register("v_proj", new Linear(width, keys, config.HasQueryBias));
        _output = Register("o_proj", new Linear(inner, width, config.AttentionBias));
        (_layer, _frequencies) = (layer, frequencies);
        Scale = 1 / MathF.Sqrt(_headSize);
    }

    /// <inheritdoc/>
    public float Scale { get; }

    /// <inheritdoc/>
    public bool IsCausal => true;

    internal Tensor Forward(Tensor x, Tensor positions, KvCache? cache, Tensor? mask)
    {
        var queries = Observed(Turned(_queries), ObservationPoint.Queries);         // [B, H, T, D]
        var keys = Observed(Turned(_keys), ObservationPoint.Keys);                  // [B, Hkv, T, D]
        var values = Observed(Heads(_values), ObservationPoint.Values);             // [B, Hkv, T, D]
        if (cache is not null)
            (keys, values) = cache.Append(_layer, keys, values);                    // [B, Hkv, past + T, D]
        var mixed = queries.Attention(keys, values, IsCausal, mask, Scale);         // [B, T, H·D]
        return Observed(_output.Forward(mixed));                                    // [B, T, C]

        Tensor Turned(Linear projection) => Heads(projection).RotaryEmbedding(positions, _frequencies);

        Tensor Heads(Linear projection) => projection.Forward(x)
            .Reshape(x.Shape[0], x.Shape[1], projection.OutFeatures / _headSize, _headSize).Transpose(1, 2);
    }
}

/// <summary>The feed-forward half of a block, gated (SwiGLU, Shazeer 2020): <c>down(activation(gate(x)) * up(x))</c>.</summary>
public sealed class LlamaMlp : Module
{
    private readonly Linear _gate;
    private readonly Linear _up;
    private readonly Linear _down;
    private readonly Activation _activation;

    internal LlamaMlp(LlamaConfig config)
    {
        _gate = Register("gate_proj", new Linear(config.Width, config.Inner, config.InnerBias));
        _up = Register("up_proj", new Linear(config.Width, config.Inner, config.InnerBias));
        _down = Register("down_proj", new Linear(config.Inner, config.Width, config.InnerBias));
        _activation = Register("act_fn", new Activation(config.Activation));
    }

    internal Tensor Forward(Tensor x) =>
        Observed(_down.Forward(_activation.Forward(_gate.Forward(x)).Multiply(_up.Forward(x))));   // [B, T, C] -> [B, T, F] -> [B, T, C]
}
