#!/usr/bin/python3
"""Writes the folders gpt2, bert, llama and resnet and schedules.json beside this file: tiny models with random weights, and what PyTorch makes of them:
logits, loss, every gradient, then the losses of ten steps with each optimizer. The models are written out here with Hugging Face's names."""
import json, os
import torch
import torch.nn.functional as F
import llama

HERE = os.path.dirname(os.path.abspath(__file__))
WIDTH, HEADS, LAYERS, VOCAB, POSITIONS, STEPS, BATCH, LABELS = 16, 2, 2, 50, 12, 11, 3, 4
OPTIMIZERS = {
    "adamw": lambda p: torch.optim.AdamW(p, lr=1e-2, weight_decay=0.1),
    "adam": lambda p: torch.optim.Adam(p, lr=1e-2, weight_decay=0.01, betas=(0.8, 0.95), eps=1e-6),
    "sgd": lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, weight_decay=0.01, nesterov=True),
    "sgd-plain": lambda p: torch.optim.SGD(p, lr=0.1),
}


def heads(x):
    return x.view(BATCH, STEPS, HEADS, WIDTH // HEADS).transpose(1, 2)


def attend(q, k, v, hidden):
    scores = heads(q) @ heads(k).transpose(-1, -2) / (WIDTH // HEADS) ** 0.5
    return (F.softmax(scores.masked_fill(hidden, float("-inf")), -1) @ heads(v)).transpose(1, 2).reshape(BATCH, STEPS, WIDTH)


def gpt2_shapes():
    yield from {"wte.weight": (VOCAB, WIDTH), "wpe.weight": (POSITIONS, WIDTH)}.items()
    for i in range(LAYERS):
        for name, shape in {"ln_1": (WIDTH,), "attn.c_attn": (WIDTH, 3 * WIDTH), "attn.c_proj": (WIDTH, WIDTH), "ln_2": (WIDTH,),
                            "mlp.c_fc": (WIDTH, 4 * WIDTH), "mlp.c_proj": (4 * WIDTH, WIDTH)}.items():
            yield f"h.{i}.{name}.weight", shape
            yield f"h.{i}.{name}.bias", shape[-1:]
    yield from {"ln_f.weight": (WIDTH,), "ln_f.bias": (WIDTH,)}.items()


def gpt2(w, ids):
    def norm(x, name):
        return F.layer_norm(x, (WIDTH,), w[f"transformer.{name}.weight"], w[f"transformer.{name}.bias"], 1e-5)

    def conv(x, name):
        return x @ w[f"transformer.{name}.weight"] + w[f"transformer.{name}.bias"]

    x = w["transformer.wte.weight"][ids] + w["transformer.wpe.weight"][:STEPS]
    future = torch.ones(STEPS, STEPS, dtype=torch.bool).triu(1)
    for i in range(LAYERS):
        x = x + conv(attend(*conv(norm(x, f"h.{i}.ln_1"), f"h.{i}.attn.c_attn").split(WIDTH, 2), future), f"h.{i}.attn.c_proj")
        u = conv(norm(x, f"h.{i}.ln_2"), f"h.{i}.mlp.c_fc")
        x = x + conv(0.5 * u * (1 + torch.tanh((2 / torch.pi) ** 0.5 * (u + 0.044715 * u ** 3))), f"h.{i}.mlp.c_proj")
    return norm(x, "ln_f") @ w["transformer.wte.weight"].t()


def bert_shapes():
    def linear(name, outputs, inputs):
        return {name + ".weight": (outputs, inputs), name + ".bias": (outputs,)}.items()

    def norm(name):
        return {name + ".weight": (WIDTH,), name + ".bias": (WIDTH,)}.items()

    for name, rows in {"word": VOCAB, "position": POSITIONS, "token_type": 2}.items():
        yield f"bert.embeddings.{name}_embeddings.weight", (rows, WIDTH)
    yield from norm("bert.embeddings.LayerNorm")
    for i in range(LAYERS):
        p = f"bert.encoder.layer.{i}."
        for name in ("query", "key", "value"):
            yield from linear(p + "attention.self." + name, WIDTH, WIDTH)
        yield from linear(p + "attention.output.dense", WIDTH, WIDTH)
        yield from norm(p + "attention.output.LayerNorm")
        yield from linear(p + "intermediate.dense", 4 * WIDTH, WIDTH)
        yield from linear(p + "output.dense", WIDTH, 4 * WIDTH)
        yield from norm(p + "output.LayerNorm")
    yield from linear("bert.pooler.dense", WIDTH, WIDTH)
    yield from linear("classifier", LABELS, WIDTH)


def bert(w, ids, lengths):
    def lin(x, name):
        return F.linear(x, w[name + ".weight"], w[name + ".bias"])

    def norm(x, name):
        return F.layer_norm(x, (WIDTH,), w[name + ".LayerNorm.weight"], w[name + ".LayerNorm.bias"], 1e-12)

    e = "bert.embeddings"
    x = norm(w[e + ".word_embeddings.weight"][ids] + w[e + ".token_type_embeddings.weight"][0] + w[e + ".position_embeddings.weight"][:STEPS], e)
    padding = (torch.arange(STEPS)[None] >= torch.tensor(lengths)[:, None])[:, None, None, :]
    for i in range(LAYERS):
        p = f"bert.encoder.layer.{i}."
        q, k, v = (lin(x, p + "attention.self." + name) for name in ("query", "key", "value"))
        x = norm(lin(attend(q, k, v, padding), p + "attention.output.dense") + x, p + "attention.output")
        x = norm(lin(F.gelu(lin(x, p + "intermediate.dense")), p + "output.dense") + x, p + "output")
    return lin(torch.tanh(lin(x[:, 0], "bert.pooler.dense")), "classifier")


def resnet_shapes():
    def norm(name, channels):
        yield from {name + ".weight": (channels,), name + ".bias": (channels,)}.items()

    yield "conv1.weight", (16, 3, 3, 3)
    yield from norm("bn1", 16)
    for i, (inputs, outputs) in enumerate(((16, 16), (16, 32), (32, 64)), 1):
        p = f"layer{i}.0."
        yield p + "conv1.weight", (outputs, inputs, 3, 3)
        yield from norm(p + "bn1", outputs)
        yield p + "conv2.weight", (outputs, outputs, 3, 3)
        yield from norm(p + "bn2", outputs)
    yield from {"linear.weight": (LABELS, 64), "linear.bias": (LABELS,)}.items()


def resnet(w, images):
    def conv(x, name, norm, stride=1):
        return F.batch_norm(F.conv2d(x, w[name + ".weight"], stride=stride, padding=1), None, None, w[norm + ".weight"], w[norm + ".bias"], True)

    x = F.relu(conv(images, "conv1", "bn1"))
    for i in (1, 2, 3):
        p, stride = f"layer{i}.0.", min(i, 2)
        y = conv(F.relu(conv(x, p + "conv1", p + "bn1", stride)), p + "conv2", p + "bn2")
        pad = (y.shape[1] - x.shape[1]) // 2
        x = F.relu(y + (F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, pad, pad)) if pad else x))
    return F.linear(x.mean((2, 3)), w["linear.weight"], w["linear.bias"])


def random_weights(shapes, prefix):
    return {prefix + name: 1 + 0.1 * torch.randn(shape) if ("ln_" in name or "LayerNorm" in name) and name.endswith("weight")
            else 0.2 * torch.randn(shape) for name, shape in shapes}


def make(name, config, weights, logits, loss, facts):
    folder = os.path.join(HERE, name)
    os.makedirs(folder, exist_ok=True)
    if config:
        json.dump(config, open(os.path.join(folder, "config.json"), "w"))
    torch.save(weights, os.path.join(folder, "pytorch_model.bin"))
    leaves = {key: value.clone().requires_grad_() for key, value in weights.items()}
    loss(leaves).backward()
    torch.save({key: value.grad for key, value in leaves.items()}, os.path.join(folder, "gradients.pt"))
    facts |= {"logits": logits(weights).flatten().tolist(), "loss": loss(weights).item(), "steps": {},
              "norm": torch.nn.utils.clip_grad_norm_(leaves.values(), 1).item()}
    for optimizer, create in OPTIMIZERS.items():
        leaves = {key: value.clone().requires_grad_() for key, value in weights.items()}
        steps, losses = create(leaves.values()), []
        for _ in range(10):
            steps.zero_grad()
            current = loss(leaves)
            current.backward()
            torch.nn.utils.clip_grad_norm_(leaves.values(), 1)
            steps.step()
            losses.append(current.item())
        facts["steps"][optimizer] = losses
    json.dump(facts, open(os.path.join(folder, "expected.json"), "w"))


def schedules():
    s = torch.optim.lr_scheduler

    def rates(create, count):
        optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
        schedule, values = create(optimizer), []
        for _ in range(count):
            values.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            schedule.step()
        return values

    return {"cosine": rates(lambda o: s.CosineAnnealingLR(o, 12, eta_min=0.1), 13),
            "restarts": rates(lambda o: s.CosineAnnealingWarmRestarts(o, 5, T_mult=2), 36),
            "step": rates(lambda o: s.StepLR(o, 4, gamma=0.5), 13),
            "one_cycle": rates(lambda o: s.OneCycleLR(o, max_lr=1.0, total_steps=20, cycle_momentum=False), 20)}


torch.manual_seed(3)
ids = torch.randint(0, VOCAB, (BATCH, STEPS))
targets = torch.cat((ids[:, 1:], torch.full((BATCH, 1), -100)), 1)
make("gpt2", {"model_type": "gpt2", "vocab_size": VOCAB, "n_embd": WIDTH, "n_layer": LAYERS, "n_head": HEADS, "n_positions": POSITIONS},
     random_weights(gpt2_shapes(), "transformer."), lambda w: gpt2(w, ids),
     lambda w: F.cross_entropy(gpt2(w, ids).view(-1, VOCAB), targets.view(-1), label_smoothing=0.1),
     {"ids": ids.flatten().tolist(), "targets": targets.flatten().tolist(), "rows": BATCH})
lengths, labels, teacher = [11, 4, 7], torch.randint(0, LABELS, (BATCH,)), 2 * torch.randn(BATCH, LABELS)
make("bert", {"model_type": "bert", "vocab_size": VOCAB, "hidden_size": WIDTH, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS,
              "intermediate_size": 4 * WIDTH, "max_position_embeddings": POSITIONS, "num_labels": LABELS},
     random_weights(bert_shapes(), ""), lambda w: bert(w, ids, lengths),
     lambda w: F.cross_entropy(bert(w, ids, lengths), labels) + 4 * F.kl_div(
         F.log_softmax(bert(w, ids, lengths) / 2, 1), F.softmax(teacher / 2, 1), reduction="batchmean"),
     {"ids": ids.flatten().tolist(), "rows": BATCH, "lengths": lengths, "labels": labels.tolist(), "teacher": teacher.flatten().tolist()})
# Qwen2's biases, Llama 3's scaling, grouped keys, heads of another width than hidden / heads.
QWEN = {"model_type": "qwen2", "vocab_size": VOCAB, "hidden_size": WIDTH, "intermediate_size": 24, "num_hidden_layers": LAYERS, "num_attention_heads": 4,
        "num_key_value_heads": 2, "head_dim": 6, "max_position_embeddings": POSITIONS, "rms_norm_eps": 1e-5, "rope_theta": 20.0,
        "rope_scaling": {"rope_type": "llama3", "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                         "original_max_position_embeddings": 20}, "tie_word_embeddings": False}
make("llama", QWEN, {name: (1 if "norm" in name else 0) + (0.1 if "norm" in name else 0.3) * torch.randn(shape) for name, shape in llama.shapes(QWEN)},
     lambda w: llama.forward(QWEN, w, ids),
     lambda w: F.cross_entropy(llama.forward(QWEN, w, ids).view(-1, VOCAB), targets.view(-1), label_smoothing=0.1),
     {"ids": ids.flatten().tolist(), "targets": targets.flatten().tolist(), "rows": BATCH})
# A CIFAR ResNet of one block a stage (8 layers), on images of 8 x 8; batch normalisation by the batch.
images, labels = torch.randn(BATCH, 3, 8, 8), torch.randint(0, LABELS, (BATCH,))
make("resnet", {}, {name: 1 + 0.1 * torch.randn(shape) if "bn" in name and name.endswith("weight") else (0.1 * torch.randn(shape) if len(shape) == 1
     else torch.randn(shape) * (2 / shape[1:].numel()) ** 0.5) for name, shape in ((n, torch.Size(s)) for n, s in resnet_shapes())},
     lambda w: resnet(w, images), lambda w: F.cross_entropy(resnet(w, images), labels, label_smoothing=0.1),
     {"images": images.flatten().tolist(), "rows": BATCH, "labels": labels.tolist()})
json.dump(schedules(), open(os.path.join(HERE, "schedules.json"), "w"))
