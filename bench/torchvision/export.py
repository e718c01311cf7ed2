"""Exports torchvision's classification, segmentation and detection models to ONNX, as torch.onnx.export does by default.

    /usr/bin/python3 bench/torchvision/export.py FOLDER [NAME ...]

Needs Debian's python3-torch 1.13 and python3-torchvision 0.14. There are no trained weights here: parameters are random by a seed, and none are
zero, or a mistake in what reads them would not show. Batch normalisations get the statistics of one random batch, or signals would die or
overflow on the way through deep nets. Images are as small as an architecture allows.
"""
import os
import sys
import unittest.mock
import warnings

import torch
import torchvision
from torch import nn

OPSET = 16
SEED = 20
# Fixed by position embeddings, windows, or a pooling to 7 x 7 that ONNX has for whole factors alone.
SIZES = {"alexnet": 224, "vgg": 224, "vit": 224, "swin": 224, "maxvit": 224, "inception": 96, "densenet": 64}
DETECTION_SIZE = 128


def names():
    everything = torchvision.models.list_models()
    others = [torchvision.models.quantization, torchvision.models.optical_flow, torchvision.models.video]
    return [name for name in everything if not any(name in torchvision.models.list_models(module) for module in others)]


def is_detection(name):
    return name in torchvision.models.list_models(torchvision.models.detection)


def build(name):
    options = {"weights": None}
    if "inception" in name or "googlenet" in name:
        options.update(init_weights=True, aux_logits=False)
    if is_detection(name) or name in torchvision.models.list_models(torchvision.models.segmentation):
        options["weights_backbone"] = None
    if is_detection(name) and not name.startswith("ssd"):
        options.update(min_size=DETECTION_SIZE, max_size=DETECTION_SIZE)
    torch.manual_seed(SEED)
    model = torchvision.models.get_model(name, **options).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            constant = parameter.numel() == 1 or parameter.min() == parameter.max()
            # Biases and scales that start as zeros, ones or 1e-6, and the head of ViT, which starts as zeros.
            if constant and parameter.dim() > 1 and parameter.shape[-1] * parameter.shape[-2] > 1:
                parameter.normal_(0, 0.02)
            elif constant:
                parameter.add_(0.1 * torch.randn_like(parameter))
        for module in model.modules():
            if hasattr(module, "logit_scale"):
                module.qkv.bias.chunk(3)[1].fill_(0)
    return model


def example(name):
    if name == "ssd300_vgg16":
        size = 300
    elif name == "ssdlite320_mobilenet_v3_large":
        size = 320
    elif is_detection(name):
        return [torch.rand(3, DETECTION_SIZE, DETECTION_SIZE)],
    else:
        size = next((size for prefix, size in SIZES.items() if name.startswith(prefix)), 64)
        return torch.randn(1, 3, size, size),
    return [torch.rand(3, size, size)],


def calibrate(model, name):
    norms = [module for module in model.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.momentum, norm.training = 1.0, True
    images = example(name)[0]
    with torch.no_grad():
        if norms:
            model(images * 2 if isinstance(images, list) else images.repeat(4, 1, 1, 1) + torch.randn(4, 1, 1, 1))
    for norm in norms:
        norm.training = False


def export(name, path):
    model = build(name)
    calibrate(model, name)
    # The exporter can't write down how Swin v2 clears its keys' biases; they are zeros here from the start.
    with warnings.catch_warnings(), unittest.mock.patch.object(torch.Tensor, "zero_", lambda tensor: tensor):
        warnings.simplefilter("ignore")
        torch.onnx.export(model, example(name), path, opset_version=OPSET)


def main(folder, wanted):
    os.makedirs(folder, exist_ok=True)
    for name in wanted or names():
        try:
            export(name, os.path.join(folder, name + ".onnx"))
            print(name, flush=True)
        except Exception as error:
            print(f"{name}: {type(error).__name__}: {str(error).splitlines()[0]}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
