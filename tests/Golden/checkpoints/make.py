#!/usr/bin/python3
"""Makes the files beside it with PyTorch 1.13 (Debian python3-torch): run it here, no arguments.

nested.pt      a training checkpoint: state dict with ties, views and every type, inside a dict with scalars and an optimizer
legacy.pt      the same object in the format before PyTorch 1.6
compressed.pt  the same object, its archive packed again with deflate
expected.json  type, shape and row-major bytes (hex) of each tensor of the state dict
"""
import collections, json, zipfile
import torch

torch.manual_seed(7)
base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
state = collections.OrderedDict()
state["wte.weight"] = torch.randn(5, 3)
state["transposed"] = base.t()
state["sliced"] = base[1:3, 2:5]
state["view"] = base[2]
state["expanded"] = torch.tensor([1.5, -2.5]).unsqueeze(1).expand(2, 3)
state["half"] = torch.randn(7).half()
state["bfloat"] = torch.randn(2, 2).bfloat16()
state["double"] = torch.randn(3, dtype=torch.float64)
state["long"] = torch.tensor([-(2 ** 40), 7])
state["int"] = torch.tensor([-3, 9], dtype=torch.int32)
state["short"] = torch.tensor([-300], dtype=torch.int16)
state["char"] = torch.tensor([-3], dtype=torch.int8)
state["byte"] = torch.tensor([250], dtype=torch.uint8)
state["bool"] = torch.tensor([True, False, True])
state["scalar"] = torch.tensor(2.5)
state["empty"] = torch.empty(0, 4)
state["parameter"] = torch.nn.Parameter(torch.ones(2))
state["lm_head.weight"] = state["wte.weight"]
state["tied_view"] = state["wte.weight"].view(15)
whole = {
    "epoch": 3, "best_prec1": 81.25, "big": 2 ** 70, "negative": -5, "name": "résumé", "none": None, "yes": True, "raw": b"\x00\xff",
    "sizes": [1, (2, 3), torch.Size([4, 5])],
    "state_dict": state,
    "optimizer": {"state": {0: {"exp_avg": torch.zeros(2), "step": 10}}, "param_groups": [{"lr": 0.1, "betas": (0.9, 0.999)}]},
}
torch.save(whole, "nested.pt")
torch.save(whole, "legacy.pt", _use_new_zipfile_serialization=False)
with zipfile.ZipFile("nested.pt") as source, zipfile.ZipFile("compressed.pt", "w", zipfile.ZIP_DEFLATED) as target:
    for name in source.namelist():
        target.writestr(zipfile.ZipInfo(name), source.read(name), zipfile.ZIP_DEFLATED)


def raw(tensor):
    return bytes(tensor.detach().contiguous().clone().storage().untyped().tolist())


types = {torch.float32: "F32", torch.float64: "F64", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64", torch.int32: "I32",
         torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "Bool"}
expected = {name: {"dtype": types[t.dtype], "shape": list(t.shape), "hex": raw(t).hex()} for name, t in state.items()}
json.dump(expected, open("expected.json", "w"), indent=1)
