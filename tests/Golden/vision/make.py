"""Writes ops.json and models.json, torch's answers on images: /usr/bin/python3 make.py (PyTorch 1.13), from the repository's samples."""
import gzip
import json
import pathlib

import torch
import torch.nn.functional as F

HERE = pathlib.Path(__file__).parent
SAMPLES = HERE.parents[2] / "samples"


def bn(x, w, name):
    return F.batch_norm(x, w[name + ".running_mean"], w[name + ".running_var"], w[name + ".weight"], w[name + ".bias"])


def resnet(w, x):
    x = F.relu(bn(F.conv2d(x, w["conv1.weight"], padding=1), w, "bn1"))
    for stage in (1, 2, 3):
        block = 0
        while f"layer{stage}.{block}.conv1.weight" in w:
            p = f"layer{stage}.{block}."
            stride = 2 if stage > 1 and block == 0 else 1
            y = F.relu(bn(F.conv2d(x, w[p + "conv1.weight"], stride=stride, padding=1), w, p + "bn1"))
            y = bn(F.conv2d(y, w[p + "conv2.weight"], padding=1), w, p + "bn2")
            missing = y.shape[1] - x.shape[1]
            x = F.relu(y + F.pad(x[:, :, ::stride, ::stride], (0, 0, 0, 0, missing // 2, missing // 2)))
            block += 1
    return F.linear(x.mean((2, 3)), w["linear.weight"], w["linear.bias"])


def mnist_cnn(w, x):
    for i in (1, 2, 3):
        x = F.relu(F.conv2d(x, w[f"conv{i}.weight"], w[f"conv{i}.bias"]))
    x = bn(x, w, "norm1").flatten(1)
    x = F.relu(F.linear(x, w["fc1.weight"], w["fc1.bias"]))
    return F.log_softmax(bn(F.linear(x, w["fc2.weight"], w["fc2.bias"]), w, "norm2"), 1)


def cifar():
    data = torch.frombuffer(bytearray((SAMPLES / "data/cifar10/test-500.bin").read_bytes()), dtype=torch.uint8).view(-1, 3073)
    mean, std = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1), torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    return (data[:, 1:].reshape(-1, 3, 32, 32).float() / 255 - mean) / std


def mnist(count):
    raw = bytearray(gzip.open(SAMPLES / "data/mnist/t10k-images-idx3-ubyte.gz").read()[16:])
    images = torch.frombuffer(raw, dtype=torch.uint8)[:count * 784].view(-1, 1, 28, 28)
    return (images.float() / 255 - 0.1307) / 0.3081


def predictions():
    state = torch.load(SAMPLES / "models/cifar10-resnet/resnet20-12fca82f.th", map_location="cpu")["state_dict"]
    resnet20 = resnet({name[len("module."):]: t for name, t in state.items()}, cifar())
    cnn = mnist_cnn(torch.load(SAMPLES / "models/mnist/cnn.pt", map_location="cpu"), mnist(500))
    return {name: {"classes": y.argmax(1).tolist(), "logits": [[round(v, 6) for v in row] for row in y[:4].tolist()]}
            for name, y in (("resnet20", resnet20), ("mnist-cnn", cnn))}


def tensor(t):
    return {"shape": list(t.shape), "values": [float(f"{v:.8g}") for v in t.flatten().tolist()]}


def case(op, arguments, inputs, compute):
    """Outputs, and the gradients of sum(output * ramp), ramp = -1 .. 1."""
    for t in inputs:
        t.requires_grad_()
    y = compute(*inputs)
    (y * torch.linspace(-1, 1, y.numel()).view_as(y)).sum().backward()
    return {"op": op, "arguments": arguments, "inputs": [tensor(t.detach()) for t in inputs], "output": tensor(y.detach()),
            "gradients": [tensor(t.grad) for t in inputs]}


def ops():
    def n(*shape):
        return torch.randn(*shape)

    def conv(stride, padding, dilation, groups):
        return lambda x, w, b: F.conv2d(x, w, b, stride, padding, dilation, groups)

    return [
        case("Conv2d", [1, 1, 1, 1], [n(2, 3, 6, 5), n(4, 3, 3, 3), n(4)], conv(1, 1, 1, 1)),
        case("Conv2d", [2, 1, 1, 2], [n(2, 4, 7, 6), n(6, 2, 3, 3), n(6)], conv(2, 1, 1, 2)),
        case("Conv2d", [2, 2, 2, 1], [n(1, 3, 9, 8), n(2, 3, 3, 2), n(2)], conv(2, 2, 2, 1)),
        case("Conv2d", [1, 1, 1, 4], [n(2, 4, 5, 5), n(4, 1, 3, 3), n(4)], conv(1, 1, 1, 4)),
        case("BatchNormTraining", [], [n(3, 2, 3, 4) * 2 + 1, n(2), n(2)], lambda x, w, b: F.batch_norm(x, None, None, w, b, True)),
        case("BatchNormTraining", [], [n(6, 3), n(3), n(3)], lambda x, w, b: F.batch_norm(x, None, None, w, b, True)),
        case("MaxPool2d", [3, 2, 1], [n(2, 2, 6, 7)], lambda x: F.max_pool2d(x, 3, 2, 1)),
        case("AvgPool2d", [3, 2, 1], [n(2, 2, 6, 7)], lambda x: F.avg_pool2d(x, 3, 2, 1)),
        case("AdaptiveAvgPool2d", [3, 2], [n(1, 2, 7, 5)], lambda x: F.adaptive_avg_pool2d(x, (3, 2))),
    ]


def running():
    """Running statistics after two batches in training."""
    layer = torch.nn.BatchNorm2d(2)
    batches = [torch.randn(3, 2, 2, 2) * 3 + 1 for _ in range(2)]
    for batch in batches:
        layer(batch)
    return {"batches": [tensor(b) for b in batches], "mean": layer.running_mean.tolist(), "var": layer.running_var.tolist()}


torch.manual_seed(3)
(HERE / "ops.json").write_text("[\n" + ",\n".join(json.dumps(c) for c in ops()) + "\n]\n")
with torch.no_grad():
    (HERE / "models.json").write_text(json.dumps({**predictions(), "running": running()}) + "\n")
