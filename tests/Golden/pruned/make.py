#!/usr/bin/python3
"""Writes NAME.json beside this file: PyTorch's logits of models that Coppice has made smaller, read as config.json alone says. First:
for name in gpt2-student bert-thucnews stories260K; do coppice prune samples/models/$name -o FOLDER/$name --structural --amount 0.5; done
(stories260K's result once more, with --granularity query --amount 0.5)
Then: make.py FOLDER. Heads of GPT-2 and BERT are config.json's, less those that pruned_heads lists for the layer."""
import json, math, os, struct, sys
import torch
import torch.nn.functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "training"))
import llama

IDS = torch.tensor([[1, 403, 407, 261, 378, 432, 383, 286], [5, 100, 17, 33, 250, 251, 252, 9]])


def weights(folder):
    for name in os.listdir(folder):
        if name.endswith((".bin", ".pt")):
            return torch.load(os.path.join(folder, name))
    with open(os.path.join(folder, "model.safetensors"), "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = bytearray(file.read())
    return {name: torch.frombuffer(data, dtype=torch.float32, count=(t["data_offsets"][1] - t["data_offsets"][0]) // 4,
                                   offset=t["data_offsets"][0]).view(t["shape"])
            for name, t in header.items() if name != "__metadata__"}


def attention(c, layer, heads, width, q, k, v, mask):
    size, left = c[width] // c[heads], c[heads] - len(c.get("pruned_heads", {}).get(str(layer), []))
    q, k, v = (t.view(*IDS.shape, left, size).transpose(1, 2) for t in (q, k, v))
    mixed = (q @ k.transpose(2, 3) / math.sqrt(size) + mask).softmax(-1) @ v
    return mixed.transpose(1, 2).reshape(*IDS.shape, left * size)


def norm(w, x, name, epsilon):
    return F.layer_norm(x, x.shape[-1:], w[name + ".weight"], w[name + ".bias"], epsilon)


def gpt2(c, w):
    def conv(x, name):
        return x @ w[name + ".weight"] + w[name + ".bias"]

    steps = IDS.shape[1]
    x = w["transformer.wte.weight"][IDS] + w["transformer.wpe.weight"][:steps]
    later = torch.full((steps, steps), float("-inf")).triu(1)
    for i in range(c["n_layer"]):
        p = f"transformer.h.{i}."
        q, k, v = conv(norm(w, x, p + "ln_1", c["layer_norm_epsilon"]), p + "attn.c_attn").chunk(3, -1)
        x = x + conv(attention(c, i, "n_head", "n_embd", q, k, v, later), p + "attn.c_proj")
        inner = conv(norm(w, x, p + "ln_2", c["layer_norm_epsilon"]), p + "mlp.c_fc")
        assert inner.shape[-1] == c["n_inner"]
        x = x + conv(0.5 * inner * (1 + torch.tanh((2 / math.pi) ** 0.5 * (inner + 0.044715 * inner ** 3))), p + "mlp.c_proj")
    return norm(w, x, "transformer.ln_f", c["layer_norm_epsilon"]) @ w["transformer.wte.weight"].t()


def bert(c, w):
    def linear(x, name):
        return F.linear(x, w[name + ".weight"], w[name + ".bias"])

    e = "bert.embeddings."
    x = w[e + "word_embeddings.weight"][IDS] + w[e + "token_type_embeddings.weight"][0] + w[e + "position_embeddings.weight"][:IDS.shape[1]]
    x = norm(w, x, e + "LayerNorm", c["layer_norm_eps"])
    for i in range(c["num_hidden_layers"]):
        p = f"bert.encoder.layer.{i}."
        q, k, v = (linear(x, p + f"attention.self.{part}") for part in ("query", "key", "value"))
        mixed = attention(c, i, "num_attention_heads", "hidden_size", q, k, v, 0)
        x = norm(w, linear(mixed, p + "attention.output.dense") + x, p + "attention.output.LayerNorm", c["layer_norm_eps"])
        inner = F.gelu(linear(x, p + "intermediate.dense"))
        assert inner.shape[-1] == c["intermediate_size"]
        x = norm(w, linear(inner, p + "output.dense") + x, p + "output.LayerNorm", c["layer_norm_eps"])
    return linear(torch.tanh(linear(x[:, 0], "bert.pooler.dense")), "fc")


def stories(c, w):
    assert {name: tuple(t.shape) for name, t in w.items()} == dict(llama.shapes(c))
    return llama.forward(c, w, IDS)[:, -1]


for name, forward in {"gpt2-student": gpt2, "bert-thucnews": bert, "stories260K": stories}.items():
    folder = os.path.join(sys.argv[1], name)
    config = json.load(open(os.path.join(folder, "config.json")))
    with torch.no_grad():
        logits = forward(config, weights(folder))
    logits = logits[:, -1] if logits.dim() == 3 else logits
    json.dump({"ids": IDS.tolist(), "logits": [[round(v, 5) for v in row[:64].tolist()] for row in logits]},
              open(os.path.join(HERE, name + ".json"), "w"))
