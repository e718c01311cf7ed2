"""Writes golden.json, torch's answers for tests/Coppice.Tensors.Tests: /usr/bin/python3 make.py (PyTorch 1.13)."""
import json
import pathlib

import torch
import torch.nn.functional as F

torch.manual_seed(7)


def attention(q, k, v, causal, mask=None):
    k, v = (t.repeat_interleave(q.shape[1] // t.shape[1], 1) for t in (k, v))
    scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
    if mask is not None:
        scores = scores + mask
    if causal:
        tq, tk = scores.shape[-2:]
        scores = scores.masked_fill(torch.ones(tq, tk, dtype=torch.bool).triu(1 + tk - tq), float("-inf"))
    return (torch.softmax(scores, -1) @ v).transpose(1, 2).flatten(2)


def case(op, inputs, output, **attributes):
    def tensor(t):
        return {"shape": list(t.shape), "values": [float(f"{v:.9g}") for v in t.flatten().tolist()]}

    return {"op": op, **attributes, "inputs": [tensor(t) for t in inputs], "output": tensor(output)}


x = torch.cat([torch.linspace(-9, 9, 61), torch.tensor([0.0, 1e-8, -1e-30, 30.0, -30.0])])
rows = torch.randn(3, 37) * 4
weight, bias = torch.randn(37), torch.randn(37)
q, k, v = torch.randn(1, 4, 7, 12), torch.randn(1, 2, 9, 12), torch.randn(1, 2, 9, 12)
padding = torch.tensor([0.0] * 6 + [torch.finfo(torch.float32).min] * 3).reshape(1, 1, 1, 9)
cases = [
    case("GeluErf", [x], F.gelu(x)),
    case("GeluTanh", [x], F.gelu(x, approximate="tanh")),
    case("GeluQuick", [x], x * torch.sigmoid(1.702 * x)),
    case("LayerNorm", [rows, weight, bias], F.layer_norm(rows, (37,), weight, bias, 1e-5)),
    case("Softmax", [rows], torch.softmax(rows, -1)),
    case("LogSoftmax", [rows], torch.log_softmax(rows, -1)),
    case("Attention", [q, k, v], attention(q, k, v, False), causal=False),
    case("Attention", [q, k, v], attention(q, k, v, True), causal=True),
    case("Attention", [q, k, v, padding], attention(q, k, v, False, padding), causal=False),
]
lines = ",\n".join(json.dumps(c) for c in cases)
pathlib.Path(__file__).with_name("golden.json").write_text(f"[\n{lines}\n]\n")
