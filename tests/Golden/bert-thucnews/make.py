#!/usr/bin/python3
"""Writes dev-1000.json beside this file: the classes that PyTorch predicts for the 1,000 committed headlines, with a BERT and a WordPiece written out here."""
import json, os, unicodedata
import torch
from torch.nn.functional import gelu, layer_norm, linear, embedding

HERE = os.path.dirname(os.path.abspath(__file__))
SAMPLES = os.path.join(HERE, "..", "..", "..", "samples")
MODEL, DATA = os.path.join(SAMPLES, "models", "bert-thucnews"), os.path.join(SAMPLES, "data", "thucnews", "dev-1000.txt")
CONFIG = json.load(open(os.path.join(MODEL, "config.json")))
W = torch.load(os.path.join(MODEL, "bert_classifier.pt"), map_location="cpu")
VOCAB = {line.rstrip("\n"): i for i, line in enumerate(open(os.path.join(MODEL, "vocab.txt"), encoding="utf-8"))}


def words(text):
    text = "".join(c for c in unicodedata.normalize("NFD", text.lower()) if unicodedata.category(c) != "Mn")
    word = ""
    for c in text:
        alone = 0x4E00 <= ord(c) <= 0x9FFF or 0x3400 <= ord(c) <= 0x4DBF or unicodedata.category(c)[0] == "P" or c in "$+<=>^`|~"
        if alone or c.isspace():
            if word:
                yield word
            word = ""
            if alone:
                yield c
        elif c != "\ufffd" and unicodedata.category(c)[0] != "C":  # dropped, as in BERT's own tokenization.py
            word += c
    if word:
        yield word


def pieces(word):
    found, start = [], 0
    while start < len(word):
        end = next((e for e in range(len(word), start, -1) if ("##" if start else "") + word[start:e] in VOCAB), None)
        if end is None:
            return [VOCAB["[UNK]"]]
        found.append(VOCAB[("##" if start else "") + word[start:end]])
        start = end
    return found


def encode(text, size):
    ids = [VOCAB["[CLS]"], *[p for w in words(text) for p in pieces(w)][: size - 2], VOCAB["[SEP]"]]
    return ids + [0] * (size - len(ids)), [1] * len(ids) + [0] * (size - len(ids))


def forward(ids, mask):
    def norm(x, name):
        return layer_norm(x, x.shape[-1:], W[name + ".weight"], W[name + ".bias"], CONFIG["layer_norm_eps"])

    def dense(x, name):
        return linear(x, W[name + ".weight"], W[name + ".bias"])

    heads, e = CONFIG["num_attention_heads"], "bert.embeddings."
    x = embedding(ids, W[e + "word_embeddings.weight"]) + W[e + "position_embeddings.weight"][: ids.shape[1]] + W[e + "token_type_embeddings.weight"][0]
    x = norm(x, e + "LayerNorm")
    hidden = (1 - mask[:, None, None, :].float()) * -1e9
    for i in range(CONFIG["num_hidden_layers"]):
        p = f"bert.encoder.layer.{i}."
        q, k, v = (dense(x, p + "attention.self." + n).view(*ids.shape, heads, -1).transpose(1, 2) for n in ("query", "key", "value"))
        scores = (q @ k.transpose(2, 3) / q.shape[-1] ** 0.5 + hidden).softmax(-1)
        x = norm(x + dense((scores @ v).transpose(1, 2).reshape(x.shape), p + "attention.output.dense"), p + "attention.output.LayerNorm")
        x = norm(x + dense(gelu(dense(x, p + "intermediate.dense")), p + "output.dense"), p + "output.LayerNorm")
    return dense(torch.tanh(dense(x[:, 0], "bert.pooler.dense")), "fc")


for entry in json.load(open(os.path.join(HERE, "tokens.json"), encoding="utf-8")):
    assert encode(entry["text"], CONFIG["pad_size"])[0] == entry["ids"], entry["text"]
lines = [line.rstrip("\n").split("\t") for line in open(DATA, encoding="utf-8")]
ids, mask = (torch.tensor(t) for t in zip(*(encode(text, CONFIG["pad_size"]) for text, _ in lines)))
with torch.no_grad():
    predicted = torch.cat([forward(ids[i:i + 100], mask[i:i + 100]) for i in range(0, len(lines), 100)]).argmax(1).tolist()
correct = sum(p == int(label) for p, (_, label) in zip(predicted, lines))
json.dump({"correct": correct, "predicted": predicted}, open(os.path.join(HERE, "dev-1000.json"), "w"))
print(correct, "of", len(lines))
