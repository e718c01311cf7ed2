#!/usr/bin/python3
"""Writes perplexity-20.json beside this file: PyTorch's perplexity of the student, before and after each run of prune.json, on the first 20 windows
of 256 tokens of tinyshakespeare-test.txt, with a GPT-2 and a BPE written out here. Masks are torch.nn.utils.prune's."""
import json, os, re
import torch
from torch.nn.functional import cross_entropy, embedding, layer_norm
from torch.nn.utils import prune

HERE = os.path.dirname(os.path.abspath(__file__))
SAMPLES = os.path.join(HERE, "..", "..", "..", "samples")
MODEL, TEXT = os.path.join(SAMPLES, "models", "gpt2-student"), os.path.join(SAMPLES, "data", "tinyshakespeare-test.txt")
CONFIG = json.load(open(os.path.join(MODEL, "config.json")))
VOCAB = json.load(open(os.path.join(MODEL, "vocab.json"), encoding="utf-8"))
RANKS = {tuple(line.split()): i for i, line in enumerate(open(os.path.join(MODEL, "merges.txt"), encoding="utf-8").read().split("\n")[1:]) if line}
# Python's own classes, which are GPT-2's on the texts read here (the assertion below holds them to it).
WORDS = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+")
PLAIN = [*range(33, 127), *range(161, 173), *range(174, 256)]
BYTES = {b: chr(b) for b in PLAIN} | {b: chr(256 + i) for i, b in enumerate(b for b in range(256) if b not in PLAIN)}
WINDOWS, CONTEXT = 20, 256


def encode(text):
    ids = []
    for word in WORDS.findall(text):
        parts = [BYTES[b] for b in word.encode()]
        while len(parts) > 1:
            rank, at = min((RANKS.get(pair, len(RANKS)), i) for i, pair in enumerate(zip(parts, parts[1:])))
            if rank == len(RANKS):
                break
            parts[at:at + 2] = [parts[at] + parts[at + 1]]
        ids += [VOCAB[p] for p in parts]
    return ids


def forward(w, ids):
    def norm(x, name):
        return layer_norm(x, x.shape[-1:], w[name + ".weight"], w[name + ".bias"], CONFIG["layer_norm_epsilon"])

    def conv(x, name):
        return x @ w[name + ".weight"] + w[name + ".bias"]

    n = ids.shape[1]
    x = embedding(ids, w["transformer.wte.weight"]) + w["transformer.wpe.weight"][:n]
    later = torch.full((n, n), float("-inf")).triu(1)
    for i in range(CONFIG["n_layer"]):
        p = f"transformer.h.{i}."
        q, k, v = (t.view(*ids.shape, CONFIG["n_head"], -1).transpose(1, 2) for t in conv(norm(x, p + "ln_1"), p + "attn.c_attn").chunk(3, -1))
        mixed = (q @ k.transpose(2, 3) / q.shape[-1] ** 0.5 + later).softmax(-1) @ v
        x = x + conv(mixed.transpose(1, 2).reshape(x.shape), p + "attn.c_proj")
        inner = conv(norm(x, p + "ln_2"), p + "mlp.c_fc")
        x = x + conv(0.5 * inner * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (inner + 0.044715 * inner ** 3))), p + "mlp.c_proj")
    return norm(x, "transformer.ln_f") @ w["transformer.wte.weight"].T


def pruned(weights, kind, amount):
    linear_only = kind == "l1-linear-only"
    names = ["transformer.wte.weight"] if linear_only else [n for n in weights if ".h." in n and n.endswith("weight") and weights[n].dim() == 2]
    modules = {n: torch.nn.Module() for n in names}
    for n, m in modules.items():
        m.weight = torch.nn.Parameter(weights[n].clone())
    if kind == "l1-global":
        prune.global_unstructured([(m, "weight") for m in modules.values()], prune.L1Unstructured, amount=amount)
    for m in modules.values():
        if kind == "l2-structured-dim1":
            prune.ln_structured(m, "weight", amount, n=2, dim=1)
        elif kind != "l1-global":
            prune.l1_unstructured(m, "weight", amount)
    return weights | {n: m.weight.detach() for n, m in modules.items()}


def perplexity(weights, ids):
    with torch.no_grad():
        nll = sum(cross_entropy(forward(weights, w[None])[0, :-1].double(), w[1:], reduction="sum").item() for w in ids)
    return float(torch.tensor(nll / (WINDOWS * (CONTEXT - 1)), dtype=torch.float64).exp())


for entry in json.load(open(os.path.join(HERE, "tokens.json"), encoding="utf-8")):
    assert encode(entry["text"]) == entry["ids"], entry["text"]
before = {n: t for n, t in torch.load(os.path.join(MODEL, "pytorch_model.bin"), map_location="cpu").items() if n != "lm_head.weight"}
ids = torch.tensor(encode(open(TEXT, encoding="utf-8", newline="").read())[:WINDOWS * CONTEXT]).view(WINDOWS, CONTEXT)
runs = [{"kind": r["kind"], "amount": r["amount"]} for r in json.load(open(os.path.join(HERE, "prune.json")))]
for run in runs:
    run["perplexity"] = perplexity(pruned(before, run["kind"], run["amount"]), ids)
json.dump({"before": perplexity(before, ids), "runs": runs}, open(os.path.join(HERE, "perplexity-20.json"), "w"), indent=1)
