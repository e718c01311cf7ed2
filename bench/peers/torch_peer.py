"""PyTorch's side of the benchmarks: answers each line of stdin with the seconds the named work took.

Started by Coppice.Bench with Debian's python3; the two sides take turns within one run.
First line: JSON {"work": name, "threads": n, ...}. Then one line per measurement; "quit" ends.
"""
import gc
import json
import resource
import sys
import time

import torch
import torch.nn.functional as F
import torch.nn.utils.prune as prune


def gpt2_weights(layers, width, vocabulary, positions):
    """Random weights with Hugging Face's GPT-2 shapes (Conv1D: [in, out])."""
    def normal(*shape):
        return torch.randn(*shape) * 0.02
    blocks = [dict(ln1=(torch.ones(width), torch.zeros(width)), qkv=(normal(width, 3 * width), torch.zeros(3 * width)),
                   proj=(normal(width, width), torch.zeros(width)), ln2=(torch.ones(width), torch.zeros(width)),
                   up=(normal(width, 4 * width), torch.zeros(4 * width)), down=(normal(4 * width, width), torch.zeros(width)))
              for _ in range(layers)]
    return dict(wte=normal(vocabulary, width), wpe=normal(positions, width), blocks=blocks, lnf=(torch.ones(width), torch.zeros(width)))


def conv1d(x, weight_bias):
    weight, bias = weight_bias
    return torch.addmm(bias, x.view(-1, x.size(-1)), weight).view(*x.shape[:-1], weight.size(1))


def gelu_new(x):
    return 0.5 * x * (1.0 + torch.tanh(0.7978845608028654 * (x + 0.044715 * torch.pow(x, 3.0))))


def gpt2_forward(w, heads, ids, past):
    """Logits of the last position and the extended cache; the operations Hugging Face's GPT2LMHeadModel does."""
    start = 0 if past is None else past[0][0].size(2)
    steps = ids.size(1)
    x = w["wte"][ids] + w["wpe"][start:start + steps]
    width = x.size(-1)
    mask = torch.tril(torch.ones(start + steps, start + steps, dtype=torch.bool))[start:].view(1, 1, steps, start + steps)
    cache = []
    for i, b in enumerate(w["blocks"]):
        q, k, v = [t.view(1, steps, heads, width // heads).permute(0, 2, 1, 3)
                   for t in conv1d(F.layer_norm(x, (width,), *b["ln1"]), b["qkv"]).split(width, dim=2)]
        if past is not None:
            k, v = torch.cat((past[i][0], k), dim=2), torch.cat((past[i][1], v), dim=2)
        cache.append((k, v))
        scores = torch.matmul(q, k.transpose(-1, -2)) / (width // heads) ** 0.5
        scores = torch.where(mask, scores, torch.finfo(torch.float32).min)
        mixed = torch.matmul(F.softmax(scores, dim=-1), v).permute(0, 2, 1, 3).contiguous().view(1, steps, width)
        x = x + conv1d(mixed, b["proj"])
        x = x + conv1d(gelu_new(conv1d(F.layer_norm(x, (width,), *b["ln2"]), b["up"])), b["down"])
    return F.linear(F.layer_norm(x[:, -1:], (width,), *w["lnf"]), w["wte"]), cache


def gpt2_work(options):
    w = gpt2_weights(12, 768, 50257, 1024)
    prompt = torch.arange(options["prompt"]).view(1, -1) % 50257

    def prefill():
        gpt2_forward(w, 12, prompt, None)

    def decode():
        _, cache = gpt2_forward(w, 12, prompt, None)
        started = time.perf_counter()
        for _ in range(options["steps"]):
            _, cache = gpt2_forward(w, 12, torch.zeros(1, 1, dtype=torch.long), cache)
        return time.perf_counter() - started

    return {"prefill": prefill, "decode": decode}


def prune_work(options):
    def shaped(*shape):
        module = torch.nn.Module()
        module.register_parameter("weight", torch.nn.Parameter(torch.randn(*shape)))
        return module

    def global_unstructured():
        modules = [shaped(*shape) for shape in options["shapes"]]
        started = time.perf_counter()
        prune.global_unstructured([(m, "weight") for m in modules], pruning_method=prune.L1Unstructured, amount=options["amount"])
        seconds = time.perf_counter() - started
        del modules
        gc.collect()
        return seconds

    return {"global": global_unstructured}


def bert_forward(w, config, ids, mask):
    heads, width = config["num_attention_heads"], config["hidden_size"]
    eps = config["layer_norm_eps"]
    batch, steps = ids.shape

    def lin(x, name):
        return F.linear(x, w[name + ".weight"], w[name + ".bias"])

    def norm(x, name):
        return F.layer_norm(x, (width,), w[name + ".weight"], w[name + ".bias"], eps)

    def split(x):
        return x.view(batch, steps, heads, width // heads).permute(0, 2, 1, 3)

    e = "bert.embeddings."
    x = norm(w[e + "word_embeddings.weight"][ids] + w[e + "token_type_embeddings.weight"][0] + w[e + "position_embeddings.weight"][:steps], e + "LayerNorm")
    hidden = (1.0 - mask[:, None, None, :].float()) * torch.finfo(torch.float32).min
    for i in range(config["num_hidden_layers"]):
        p = f"bert.encoder.layer.{i}."
        q, k, v = split(lin(x, p + "attention.self.query")), split(lin(x, p + "attention.self.key")), split(lin(x, p + "attention.self.value"))
        scores = torch.matmul(q, k.transpose(-1, -2)) / (width // heads) ** 0.5 + hidden
        mixed = torch.matmul(F.softmax(scores, dim=-1), v).permute(0, 2, 1, 3).contiguous().view(batch, steps, width)
        x = norm(lin(mixed, p + "attention.output.dense") + x, p + "attention.output.LayerNorm")
        x = norm(lin(F.gelu(lin(x, p + "intermediate.dense")), p + "output.dense") + x, p + "output.LayerNorm")
    return lin(torch.tanh(lin(x[:, 0], "bert.pooler.dense")), "fc")


def bert_work(options):
    w = torch.load(options["folder"] + "/bert_classifier.pt")
    config = json.load(open(options["folder"] + "/config.json"))
    rows = [list(map(int, line.split())) for line in open(options["ids"])]
    lengths = [len(row) for row in rows]
    result = {}

    def run(order, pad_to):
        classes = [0] * len(rows)
        for start in range(0, len(order), options["batch"]):
            part = order[start:start + options["batch"]]
            steps = pad_to or max(lengths[i] for i in part)
            ids = torch.tensor([rows[i] + [0] * (steps - lengths[i]) for i in part])
            mask = torch.tensor([[1] * lengths[i] + [0] * (steps - lengths[i]) for i in part])
            for i, c in zip(part, bert_forward(w, config, ids, mask).argmax(1).tolist()):
                classes[i] = c
        result["classes"] = classes

    def padded():
        run(range(len(rows)), options["pad"])

    def sorted_by_length():
        run(sorted(range(len(rows)), key=lambda i: lengths[i]), None)

    def classes():
        return json.dumps(result["classes"])

    return {"padded": padded, "sorted": sorted_by_length, "classes": classes}


def attend_batch(q, k, v, heads, hidden):
    batch, steps, width = q.shape
    q, k, v = (t.view(batch, steps, heads, width // heads).transpose(1, 2) for t in (q, k, v))
    scores = torch.matmul(q, k.transpose(-1, -2)) / (width // heads) ** 0.5
    mixed = torch.matmul(F.softmax(scores + hidden, dim=-1), v)
    return mixed.transpose(1, 2).reshape(batch, steps, width)


def gpt2_training(options):
    w = gpt2_weights(options["layers"], options["width"], options["vocabulary"], options["positions"])
    ids = torch.randint(0, options["vocabulary"], (options["batch"], options["steps"]))
    future = torch.full((options["steps"],) * 2, float("-inf")).triu(1)
    width = options["width"]

    def loss():
        x = F.embedding(ids, w["wte"]) + w["wpe"][:options["steps"]]
        for b in w["blocks"]:
            q, k, v = conv1d(F.layer_norm(x, (width,), *b["ln1"]), b["qkv"]).split(width, dim=2)
            x = x + conv1d(attend_batch(q, k, v, options["heads"], future), b["proj"])
            x = x + conv1d(F.gelu(conv1d(F.layer_norm(x, (width,), *b["ln2"]), b["up"]), approximate="tanh"), b["down"])
        logits = F.linear(F.layer_norm(x, (width,), *w["lnf"]), w["wte"])
        return F.cross_entropy(logits.view(-1, options["vocabulary"]), ids.view(-1))

    return loss, [w["wte"], w["wpe"], *w["lnf"], *(t for b in w["blocks"] for pair in b.values() for t in pair)]


def bert_training(options):
    width, heads, inner = options["width"], options["heads"], options["inner"]

    def linear(inputs, outputs):
        return torch.randn(outputs, inputs) * 0.02, torch.zeros(outputs)

    def norm():
        return torch.ones(width), torch.zeros(width)

    tables = [torch.randn(rows, width) * 0.02 for rows in (options["vocabulary"], options["positions"], 2)]
    blocks = [dict(q=linear(width, width), k=linear(width, width), v=linear(width, width), o=linear(width, width), n1=norm(),
                   up=linear(width, inner), down=linear(inner, width), n2=norm()) for _ in range(options["layers"])]
    ends = dict(n=norm(), pool=linear(width, width), head=linear(width, options["labels"]))
    rows, steps = options["rows"], options["steps"]
    ids = torch.tensor([row + [0] * (steps - len(row)) for row in rows])
    hidden = (torch.arange(steps) >= torch.tensor([[len(row)] for row in rows]))[:, None, None, :].float() * torch.finfo(torch.float32).min
    labels = torch.arange(len(rows)) % options["labels"]

    def loss():
        x = F.layer_norm(F.embedding(ids, tables[0]) + tables[1][:steps] + tables[2][0], (width,), *ends["n"])
        for b in blocks:
            mixed = attend_batch(F.linear(x, *b["q"]), F.linear(x, *b["k"]), F.linear(x, *b["v"]), heads, hidden)
            x = F.layer_norm(F.linear(mixed, *b["o"]) + x, (width,), *b["n1"])
            x = F.layer_norm(F.linear(F.gelu(F.linear(x, *b["up"])), *b["down"]) + x, (width,), *b["n2"])
        return F.cross_entropy(F.linear(torch.tanh(F.linear(x[:, 0], *ends["pool"])), *ends["head"]), labels)

    return loss, [*tables, *(t for group in (*blocks, ends) for pair in group.values() for t in pair)]


def resnet20_training(options):
    """CIFAR's ResNet of He et al. 2015 with parameterless shortcuts, as akamaster/pytorch_resnet_cifar10."""
    layout = torch.channels_last if options["channels_last"] else torch.contiguous_format

    def conv(inputs, outputs):
        return (torch.randn(outputs, inputs, 3, 3) * (2 / (9 * inputs)) ** 0.5).contiguous(memory_format=layout)

    def norm(width):
        return dict(weight=torch.ones(width), bias=torch.zeros(width), mean=torch.zeros(width), var=torch.ones(width))

    def normalize(x, n):
        return F.batch_norm(x, n["mean"], n["var"], n["weight"], n["bias"], training=True)

    stem, stem_norm = conv(3, 16), norm(16)
    blocks = [(conv(a, b), norm(b), conv(b, b), norm(b), s) for a, b, s in
              [(16, 16, 1)] * 3 + [(16, 32, 2)] + [(32, 32, 1)] * 2 + [(32, 64, 2)] + [(64, 64, 1)] * 2]
    head, bias = torch.randn(10, 64) * 0.1, torch.zeros(10)
    images = torch.randn(options["batch"], 3, 32, 32).contiguous(memory_format=layout)
    labels = torch.arange(options["batch"]) % 10

    def loss():
        x = F.relu(normalize(F.conv2d(images, stem, padding=1), stem_norm))
        for c1, n1, c2, n2, stride in blocks:
            y = F.relu(normalize(F.conv2d(x, c1, stride=stride, padding=1), n1))
            y = normalize(F.conv2d(y, c2, padding=1), n2)
            if stride > 1:
                quarter = (c1.size(0) - c1.size(1)) // 2
                x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, quarter, quarter))
            x = F.relu(y + x)
        return F.cross_entropy(F.linear(F.avg_pool2d(x, x.size(3)).flatten(1), head, bias), labels)

    norms = [stem_norm, *(n for block in blocks for n in (block[1], block[3]))]
    return loss, [stem, *(c for block in blocks for c in (block[0], block[2])), *(n[k] for n in norms for k in ("weight", "bias")),
                  head, bias]


def training_work(options):
    build = {"gpt2": gpt2_training, "bert": bert_training, "resnet20": resnet20_training}[options["model"]]
    loss, parameters = build(options)
    for parameter in parameters:
        parameter.requires_grad_()
    if options["model"] == "resnet20":
        optimizer = torch.optim.SGD(parameters, lr=0.1, momentum=0.9, weight_decay=1e-4, foreach=True)
    else:
        optimizer = torch.optim.AdamW(parameters, lr=1e-4, foreach=True)

    def step():
        with torch.enable_grad():
            optimizer.zero_grad(set_to_none=True)
            loss().backward()
            optimizer.step()

    def peak():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

    return {"step": step, "peak": peak}


def conv_work(options):
    x, weight = torch.randn(*options["x"]), torch.randn(*options["weight"])

    def run(layout):
        a, w = x.contiguous(memory_format=layout), weight.contiguous(memory_format=layout)

        def convolve():
            for _ in range(options["calls"]):
                F.conv2d(a, w, None, options["stride"], options["padding"], 1, options["groups"])
        return convolve

    return {"nchw": run(torch.contiguous_format), "channels_last": run(torch.channels_last)}


WORKS = {"conv": conv_work, "training": training_work, "gpt2": gpt2_work, "prune": prune_work, "bert": bert_work}


def peak_memory():
    """The most this process had resident, as /proc words it."""
    return next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split(":")[1].strip()


def main():
    options = json.loads(sys.stdin.readline())
    torch.set_num_threads(options["threads"])
    torch.manual_seed(0)
    with torch.no_grad():
        works = WORKS[options["work"]](options)
        print("ready", flush=True)
        for line in sys.stdin:
            name = line.strip()
            if name == "quit":
                break
            started = time.perf_counter()
            own = {"memory": peak_memory, "cpu": time.process_time}.get(name, works.get(name))()
            print(own if own is not None else time.perf_counter() - started, flush=True)


main()
