#!/usr/bin/python3
"""Writes perplexity-20.json beside this file: PyTorch's perplexity of stories260K on the first 20 windows of 256 tokens of tinyshakespeare-test.txt,
as it is and with half of each attention and feed-forward matrix's smallest weights zeroed. The model and the BPE are written out here."""
import json, os, struct, sys
import torch
from torch.nn.functional import cross_entropy

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "training"))
import llama

SAMPLES = os.path.join(HERE, "..", "..", "..", "samples")
MODEL = os.path.join(SAMPLES, "models", "stories260K")
CONFIG = json.load(open(os.path.join(MODEL, "config.json")))
TOKENIZER = json.load(open(os.path.join(MODEL, "tokenizer.json"), encoding="utf-8"))["model"]
WINDOWS, CONTEXT = 20, 256


def encode(text):
    vocab = TOKENIZER["vocab"]
    ranks = {tuple(pair.split(" ")) if isinstance(pair, str) else tuple(pair): i for i, pair in enumerate(TOKENIZER["merges"])}
    parts = []
    for c in "\u2581" + text.replace(" ", "\u2581"):
        parts += [c] if c in vocab else [f"<0x{b:02X}>" for b in c.encode()]
    while True:
        best = min((pair for pair in zip(parts, parts[1:]) if pair in ranks), key=ranks.get, default=None)
        if best is None:
            return [vocab[part] for part in parts]
        merged, i = [], 0
        while i < len(parts):
            taken = 2 if tuple(parts[i:i + 2]) == best else 1
            merged.append("".join(parts[i:i + taken]))
            i += taken
        parts = merged


def weights():
    with open(os.path.join(MODEL, "model.safetensors"), "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = bytearray(file.read())
    return {name: torch.frombuffer(data, dtype=torch.float32, count=(t["data_offsets"][1] - t["data_offsets"][0]) // 4,
                                   offset=t["data_offsets"][0]).view(t["shape"]).clone()
            for name, t in header.items() if name != "__metadata__"}


def perplexity(w, windows):
    loss = sum(cross_entropy(llama.forward(CONFIG, w, ids[None])[0, :-1].double(), ids[1:], reduction="sum").item() for ids in windows)
    return float(torch.tensor(loss / (WINDOWS * (CONTEXT - 1)), dtype=torch.float64).exp())


for example in json.load(open(os.path.join(HERE, "tokens.json"))):
    assert [1, *encode(example["text"])] == example["ids"], example["text"]
text = open(os.path.join(SAMPLES, "data", "tinyshakespeare-test.txt"), encoding="utf-8").read()
# Text of more tokens than are needed: the last ones, which more text might merge otherwise, are not used.
ids = torch.tensor(encode(text[:4 * WINDOWS * CONTEXT])[:WINDOWS * CONTEXT]).view(WINDOWS, CONTEXT)
assert ids.numel() == WINDOWS * CONTEXT
with torch.no_grad():
    w = weights()
    before = perplexity(w, ids)
    for name, value in w.items():
        if "_proj" in name:
            value.view(-1)[value.abs().view(-1).argsort()[:value.numel() // 2]] = 0
    json.dump({"windows": WINDOWS, "context": CONTEXT, "tokens": WINDOWS * (CONTEXT - 1), "before": before, "half_pruned": perplexity(w, ids)},
              open(os.path.join(HERE, "perplexity-20.json"), "w"))
