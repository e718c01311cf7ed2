using Coppice.Modules;
using Coppice.Tensors;

namespace Coppice.Models.Gpt2;

/// <summary>One pre-norm block: attention and feed-forward, each added to its input.</summary>
public sealed class Gpt2Block : Module
{
    private readonly LayerNorm _norm1;
    private readonly Gpt2Attention _attention;
    private readonly LayerNorm _norm2;
    private readonly Gpt2Mlp _mlp;

    internal Gpt2Block(Gpt2Config config, int layer)
    {
        _norm1 = Register("ln_1", new LayerNorm(config.Width, config.LayerNormEpsilon));
        _attention = Register("attn", new Gpt2Attention(config, layer));
        _norm2 = Register("ln_2", new LayerNorm(config.Width, config.LayerNormEpsilon));
        _mlp = Register("mlp", new Gpt2Mlp(config));
    }

    internal Tensor Forward(Tensor x, KvCache? cache, Tensor? mask)
    {
        x = x.Add(_attention.Forward(_norm1.Forward(x), cache, mask));      // [B, T, C]
        return Observed(x.Add(_mlp.Forward(_norm2.Forward(x))));            // [B, T, C]
    }
}

/// <summary>Causal self-attention with query, key and value fused in one projection.</summary>
public sealed class Gpt2Attention : Module, ISelfAttention
{
    private readonly Conv1D _fused;
    private readonly Conv1D _output;
    private readonly int _layer;
    private readonly int _headSize;

    internal Gpt2Attention(Gpt2Config config, int layer)
    {
        var width = config.AttentionWidth(layer);
        _fused = Register("c_attn", new Conv1D(config.Width, 3 * width));
        _output = Register("c_proj", new Conv1D(width, config.Width));
        _layer = layer;
        _headSize = config.Width / config.Heads;
        Scale = (config.ScaleAttention ? 1 / MathF.Sqrt(_headSize) : 1) / (config.ScaleAttentionByLayer ? layer + 1 : 1);
    }

    /// <inheritdoc/>
    public float Scale { get; }

    /// <inheritdoc/>
    public bool IsCausal => true;

    internal Tensor Forward(Tensor x, KvCache? cache, Tensor? mask)
    {
        var fused = _fused.Forward(x);                                      // [B, T, 3·H·D]
        var queries = Observed(Heads(fused, 0), ObservationPoint.Queries);  // [B, H, T, D]
        var keys = Observed(Heads(fused, 1), ObservationPoint.Keys);        // [B, H, T, D]
        var values = Observed(Heads(fused, 2), ObservationPoint.Values);    // [B, H, T, D]
        if (cache is not null)
            (keys, values) = cache.Append(_layer, keys, values);            // [B, H, past + T, D]
        var mixed = queries.Attention(keys, values, IsCausal, mask, Scale); // [B, T, H·D]
        return Observed(_output.Forward(mixed));                            // [B, T, C]
    }

    /// <summary>A view of the third that holds queries (0), keys (1) or values (2), by heads.</summary>
    private Tensor Heads(Tensor fused, int third)
    {
        var (batch, steps, width) = (fused.Shape[0], fused.Shape[1], fused.Shape[2] / 3);
        return fused.Reshape(batch, steps, 3, width / _headSize, _headSize) // [B, T, 3, H, D]
            .Narrow(2, third, 1).Squeeze(2).Transpose(1, 2);                // [B, H, T, D]
    }
}

/// <summary>The feed-forward half of a block.</summary>
public sealed class Gpt2Mlp : Module
{
    private readonly Conv1D _up;
    private readonly Conv1D _down;
    private readonly Activation _activation;

    internal Gpt2Mlp(Gpt2Config config)
    {
        var inner = config.Inner ?? 4 * config.Width;
        _up = Register("c_fc", new Conv1D(config.Width, inner));
        _down = Register("c_proj", new Conv1D(inner, config.Width));
        _activation = new Activation(config.Activation);
    }

    internal Tensor Forward(Tensor x) =>
        Observed(_down.Forward(_activation.Forward(_up.Forward(x))));       // [B, T, C] -> [B, T, F] -> [B, T, C]
}
