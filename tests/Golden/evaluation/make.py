#!/usr/bin/python3
"""Writes cases.json beside this file: metrics computed from their definitions with numpy, independent of the code under test."""
import json, math, os
import numpy as np

rng = np.random.default_rng(20)


def scores(truth, predicted, n):
    rows = []
    for c in range(n):
        hit, said, real = np.sum((truth == c) & (predicted == c)), np.sum(predicted == c), np.sum(truth == c)
        p, r = (hit / said if said else 0.0), (hit / real if real else 0.0)
        rows.append([float(p), float(r), float(2 * p * r / (p + r)) if p + r else 0.0, int(real)])
    return rows


def table(names, rows, averages, accuracy, total, digits):
    width = max([len(x) for x in names] + [len("weighted avg")])
    line = lambda name, cells: name.rjust(width) + " " + "".join(" " + x.rjust(9) for x in cells)
    number = lambda x: f"{x:.{digits}f}"
    full = lambda name, row: line(name, [number(x) for x in row[:3]] + [str(row[3])])
    out = [line("", ["precision", "recall", "f1-score", "support"]), ""]
    out += [full(name, row) for name, row in zip(names, rows)]
    out += ["", line("accuracy", ["", "", number(accuracy), str(total)])]
    out += [full(name, row) for name, row in zip(["macro avg", "weighted avg"], averages)]
    return "\n".join(out) + "\n"


def classification(names, truth, predicted, digits):
    n, total = len(names), len(truth)
    rows = scores(truth, predicted, n)
    values, support = np.array([r[:3] for r in rows]), np.array([r[3] for r in rows])
    macro = list(map(float, values.mean(0))) + [total]
    weighted = list(map(float, (values * support[:, None]).sum(0) / total)) + [total]
    accuracy = float(np.mean(truth == predicted))
    confusion = [[int(np.sum((truth == t) & (predicted == p))) for p in range(n)] for t in range(n)]
    return dict(names=names, truth=truth.tolist(), predicted=predicted.tolist(), digits=digits, accuracy=accuracy, classes=rows,
                macro=macro, weighted=weighted, confusion=confusion, text=table(names, rows, [macro, weighted], accuracy, total, digits))


def noisy(n, total, right):
    truth = rng.integers(0, n, total)
    return truth, np.where(rng.random(total) < right, truth, rng.integers(0, n, total))


def mcnemar(b, c):
    n = b + c
    if n < 25:
        return min(1.0, 2 * sum(math.comb(n, i) for i in range(min(b, c) + 1)) / 2 ** n)
    return math.erfc(math.sqrt(max(0, abs(b - c) - 1) ** 2 / n / 2))


def softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()


def agreement(rows, width, scale, noise):
    before = (rng.standard_normal((rows, width)) * scale).astype(np.float32)
    after = (before + rng.standard_normal((rows, width)) * noise).astype(np.float32)
    b, a = before.astype(np.float64), after.astype(np.float64)
    kl = [float(np.sum(softmax(x) * np.log(softmax(x) / softmax(y)))) for x, y in zip(b, a)]
    targets = rng.integers(0, width, rows)
    return dict(before=[[float(v) for v in r] for r in b], after=[[float(v) for v in r] for r in a], mean_kl=float(np.mean(kl)),
                top1=float(np.mean(b.argmax(1) == a.argmax(1))), max_difference=float(np.abs(b - a).max()),
                targets=targets.tolist(), nll=float(sum(-math.log(softmax(x)[t]) for x, t in zip(b, targets))))


eighths = np.repeat([0, 1], 8)
cases = dict(
    classification=[
        classification(["finance", "realty", "stocks", "education"], *noisy(4, 60, .6), 2),
        classification(["a", "a class with a long name"], eighths, np.array([0] * 5 + [1] * 3 + [0] * 1 + [1] * 7), 2),
        classification(["seen", "never predicted", "never there", "nowhere"], np.array([0, 0, 0, 1, 1]), np.array([0, 0, 2, 0, 2]), 4),
        classification(["only"], np.zeros(3, int), np.zeros(3, int), 3),
    ],
    mcnemar=[[b, c, mcnemar(b, c)] for b, c in
             [(0, 0), (0, 1), (1, 5), (5, 1), (12, 12), (4, 20), (5, 20), (13, 12), (40, 40), (60, 85), (300, 120), (0, 400)]],
    erfc=[[x, math.erfc(x)] for x in (0.0, 1e-9, .1, .5, 1.0, 1.5, 1.999, 2.0, 2.5, 3.0, 5.0, 10.0, 26.0, 40.0)],
    quantiles=[[s, [float(np.quantile(s, q)) for q in (.5, .95)]] for s in ([3.0], [4.0, 1.0], [5.0, 1.0, 9.0, 2.0], list(map(float, range(20, 0, -1))))],
    agreement=[agreement(6, 8, 2, .7), agreement(3, 9, 30, 5), agreement(2, 5, 1, 1e-3)],
)
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "cases.json"), "w") as f:
    f.write("{\n" + ",\n".join(f' "{k}": [\n' + ",\n".join("  " + json.dumps(x) for x in v) + "\n ]" for k, v in cases.items()) + "\n}\n")
