#!/usr/bin/python3
"""Writes scores.json beside this file: a tiny convolutional network with random weights, three batches, and what each criterion makes of them
in PyTorch, written out from the formulas in the papers."""
import json, os
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(3)
net = nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 3, 2, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(12, 5))
with torch.no_grad():
    for tensor in [*net.parameters(), net[1].running_mean]:
        tensor.copy_(torch.randn(tensor.shape) * 0.5)
    net[1].running_var.uniform_(0.5, 2)
net.eval()
scope = {name: parameter for name, parameter in net.named_parameters() if parameter.dim() > 1}
batches = [(torch.randn(size, 2, 4, 4), torch.randint(0, 5, (size,))) for size in (4, 4, 2)]
gradient = {name: torch.zeros_like(w, dtype=torch.float64) for name, w in scope.items()}
square = {name: torch.zeros_like(w, dtype=torch.float64) for name, w in scope.items()}
output = {name: torch.zeros(w.shape[0], dtype=torch.float64) for name, w in scope.items()}
outputs = {}
for name in scope:
    net[int(name.split(".")[0])].register_forward_hook(lambda _, __, y, name=name: (y.retain_grad(), outputs.__setitem__(name, y))[1])
for images, labels in batches:
    net.zero_grad()
    F.cross_entropy(net(images), labels).backward()
    for name, w in scope.items():
        gradient[name] += w.grad.double() / len(batches)
        square[name] += w.grad.double() ** 2 / len(batches)
        output[name] += outputs[name].grad.double().abs().transpose(0, 1).flatten(1).mean(1) / len(batches)


def by_channel(values):
    return values.flatten(1).sum(1)


product = {name: w.detach().double() * gradient[name] for name, w in scope.items()}
total = sum(p.abs().sum() for p in product.values())
scores = {
    "taylor": {name: p.abs() for name, p in product.items()},
    "taylor-channels": {name: by_channel(p).abs() for name, p in product.items()},
    "snip": {name: p.abs() / total for name, p in product.items()},
    "obd": {name: 0.5 * w.detach().double() ** 2 * square[name] for name, w in scope.items()},
    "obd-channels": {name: by_channel(0.5 * w.detach().double() ** 2 * square[name]) for name, w in scope.items()},
    "output-gradient": output,
    "l1-channels": {name: by_channel(w.detach().double().abs()) for name, w in scope.items()},
}


def flat(tensor):
    return [float(f"{value:.9g}") for value in tensor.flatten().tolist()]


with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "scores.json"), "w") as file:
    json.dump({
        "state": {name: flat(tensor) for name, tensor in net.state_dict().items() if "num_batches" not in name},
        "batches": [{"images": flat(images), "labels": labels.tolist()} for images, labels in batches],
        "scores": {criterion: {name: flat(score) for name, score in of.items()} for criterion, of in scores.items()},
    }, file)
