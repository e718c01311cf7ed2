"""Llama, Mistral and Qwen2 in PyTorch, from config.json, with Hugging Face's names."""
import math
import torch
import torch.nn.functional as F


def shapes(c):
    head = c.get("head_dim") or c["hidden_size"] // c["num_attention_heads"]
    width, queries, keys = c["hidden_size"], c["num_attention_heads"] * head, c["num_key_value_heads"] * head
    bias = c["model_type"] == "qwen2"
    yield "model.embed_tokens.weight", (c["vocab_size"], width)
    for i in range(c["num_hidden_layers"]):
        p = f"model.layers.{i}."
        for name, size in {"q": queries, "k": keys, "v": keys}.items():
            yield p + f"self_attn.{name}_proj.weight", (size, width)
            if bias:
                yield p + f"self_attn.{name}_proj.bias", (size,)
        yield p + "self_attn.o_proj.weight", (width, queries)
        for name in ("gate", "up"):
            yield p + f"mlp.{name}_proj.weight", (c["intermediate_size"], width)
        yield p + "mlp.down_proj.weight", (width, c["intermediate_size"])
        for name in ("input", "post_attention"):
            yield p + name + "_layernorm.weight", (width,)
    yield "model.norm.weight", (width,)
    if not c["tie_word_embeddings"]:
        yield "lm_head.weight", (c["vocab_size"], width)


def frequencies(c, head):
    f = 1.0 / (c["rope_theta"] ** (torch.arange(0, head, 2).float() / head))
    scaling = c.get("rope_scaling") or {}
    kind = scaling.get("rope_type", scaling.get("type"))
    if kind == "linear":
        f = f / scaling["factor"]
    if kind == "llama3":
        low, high, original = scaling["low_freq_factor"], scaling["high_freq_factor"], scaling["original_max_position_embeddings"]
        wave = 2 * math.pi / f
        blend = (original / wave - low) / (high - low)
        middle = (1 - blend) * f / scaling["factor"] + blend * f
        f = torch.where(wave > original / low, f / scaling["factor"], torch.where(wave < original / high, f, middle))
    return f


def forward(c, w, ids):
    (batch, steps), heads = ids.shape, c["num_attention_heads"]
    head = c.get("head_dim") or c["hidden_size"] // heads
    angle = torch.outer(torch.arange(steps).float(), frequencies(c, head))
    cos, sin = torch.cat((angle, angle), -1).cos(), torch.cat((angle, angle), -1).sin()

    def norm(x, name):
        return w[name + ".weight"] * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + c["rms_norm_eps"]))

    def linear(x, name):
        return F.linear(x, w[name + ".weight"], w.get(name + ".bias"))

    def split(x):
        return x.view(batch, steps, -1, head).transpose(1, 2)

    def turn(x):
        return x * cos + torch.cat((-x[..., head // 2:], x[..., :head // 2]), -1) * sin

    x = w["model.embed_tokens.weight"][ids]
    future = torch.ones(steps, steps, dtype=torch.bool).triu(1)
    for i in range(c["num_hidden_layers"]):
        p = f"model.layers.{i}."
        n = norm(x, p + "input_layernorm")
        q, k, v = (split(linear(n, p + f"self_attn.{name}_proj")) for name in "qkv")
        q, k = turn(q), turn(k)
        k, v = (t.repeat_interleave(heads // c["num_key_value_heads"], 1) for t in (k, v))
        weights = (q @ k.transpose(2, 3) / math.sqrt(head)).masked_fill(future, float("-inf")).softmax(-1)
        x = x + linear((weights @ v).transpose(1, 2).reshape(batch, steps, heads * head), p + "self_attn.o_proj")
        n = norm(x, p + "post_attention_layernorm")
        x = x + linear(F.silu(linear(n, p + "mlp.gate_proj")) * linear(n, p + "mlp.up_proj"), p + "mlp.down_proj")
    return norm(x, "model.norm") @ w["model.embed_tokens.weight" if c["tie_word_embeddings"] else "lm_head.weight"].t()
