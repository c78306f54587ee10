"""Writes rules.json: updates of eleven clients and what NumPy makes of them under every rule, each from its definition.

    python3 make_golden.py

Made with NumPy 2.4.6. The definitions use distances and sorted columns, where the Swift code uses inner products and
comparator networks.
"""

import json

import numpy as np

SEED = 20261127
CLIENTS = 11
SHAPES = {"b": 70, "w": 137}


def updates(generator):
    honest = generator.normal(0, 0.1, sum(SHAPES.values()))
    rows = [honest + generator.normal(0, 0.15, honest.size) for _ in range(CLIENTS)]
    rows[3] = -4 * honest + generator.normal(0, 0.02, honest.size)
    # Sybils of one attacker.
    for place in (8, 9):
        rows[place] = 0.3 + generator.normal(0, 0.01, honest.size)
    return np.array(rows).astype(np.float32)


def scores(x, f):
    n = len(x)
    distances = np.array([[np.sum((a - b) ** 2) for b in x] for a in x])
    ordered = [np.sort(np.delete(distances[i], i)) for i in range(n)]
    # Of equal scores the smaller sum of all distances.
    return [(row[: max(1, n - f - 2)].sum(), row.sum()) for row in ordered]


def best_first(x, f):
    found = scores(x, f)
    return sorted(range(len(x)), key=lambda i: found[i])


def krum(x, f):
    return x[best_first(x, f)[0]]


def multi_krum(x, f):
    return x[best_first(x, f)[: len(x) - f]].mean(axis=0)


def bulyan(x, f):
    left = list(range(len(x)))
    chosen = []
    while len(chosen) < len(x) - 2 * f:
        best = left[best_first(x[left], f)[0]]
        chosen.append(best)
        left.remove(best)
    c = x[chosen]
    median = np.median(c, axis=0)
    order = np.argsort(np.abs(c - median), axis=0, kind="stable")[: len(chosen) - 2 * f]
    return np.take_along_axis(c, order, axis=0).mean(axis=0)


def geometric_median(x, iterations, smoothing):
    v = x.mean(axis=0)
    for _ in range(iterations):
        beta = 1 / np.maximum(smoothing, np.linalg.norm(x - v, axis=1))
        v = (beta[:, None] * x).sum(axis=0) / beta.sum()
    return v


def centred_clipping(x, v, radius, iterations):
    for _ in range(iterations):
        d = x - v
        norms = np.linalg.norm(d, axis=1)
        v = v + (d * np.minimum(1, radius / norms)[:, None]).mean(axis=0)
    return v


def foolsgold(x, confidence):
    n = len(x)
    unit = x / np.linalg.norm(x, axis=1)[:, None]
    cs = unit @ unit.T - np.eye(n)
    largest = cs.max(axis=1)
    for i in range(n):
        for j in range(n):
            if i != j and largest[i] < largest[j]:
                cs[i, j] *= largest[i] / largest[j]
    wv = np.clip(1 - cs.max(axis=1), 0, 1)
    wv = wv / wv.max()
    wv[wv == 1] = 0.99
    with np.errstate(divide="ignore"):
        wv = np.clip(confidence * (np.log(wv / (1 - wv)) + 0.5), 0, 1)
    return (wv[:, None] * x).sum(axis=0) / wv.sum()


def fltrust(x, place):
    reference = x[place]
    norms = np.linalg.norm(x, axis=1)
    trust = np.maximum(0, x @ reference / norms / norms[place])
    return (trust[:, None] * x * (norms[place] / norms)[:, None]).sum(axis=0) / trust.sum()


def fair(x, losses, q, rate):
    slope = 1 / rate
    delta = [np.power(f, q) * slope * u for f, u in zip(losses, x)]
    h = [q * np.power(f, q - 1) * np.sum((slope * u) ** 2) + slope * np.power(f, q) for f, u in zip(losses, x)]
    return np.sum(delta, axis=0) / np.sum(h)


def bounded(x, bound):
    return (x * np.minimum(1, bound / np.linalg.norm(x, axis=1))[:, None]).mean(axis=0)


def main():
    generator = np.random.default_rng(SEED)
    single = updates(generator)
    x = single.astype(np.float64)
    examples = [int(n) for n in generator.integers(1, 500, CLIENTS)]
    losses = [float(np.float32(l)) for l in generator.uniform(0.2, 3, CLIENTS)]
    history = generator.normal(0, 0.1, x.shape[1]).astype(np.float32)
    ordered = np.sort(x, axis=0)
    results = {
        "mean": np.average(x, axis=0, weights=examples),
        "uniform-mean": x.mean(axis=0),
        "q-fedavg": fair(x, losses, 1.5, 0.1),
        "median": np.median(x, axis=0),
        "median of ten": np.median(x[:10], axis=0),
        "trimmed-mean": ordered[2:9].mean(axis=0),
        "krum": krum(x, 2),
        "multi-krum": multi_krum(x, 3),
        "bulyan": bulyan(x, 2),
        "geometric-median": geometric_median(x, 8, 1e-6),
        "centred-clipping": centred_clipping(x, history.astype(np.float64), 1.5, 3),
        "foolsgold": foolsgold(x, 1.0),
        "fltrust": fltrust(x, 1),
        "norm-bounded-mean": bounded(x, 1.2),
        "sign-majority": 0.01 * np.sign(np.sign(x).sum(axis=0)),
    }
    golden = {
        "updates": [[float(v) for v in row] for row in single],
        "examples": examples,
        "losses": losses,
        "history": [float(v) for v in history],
        "results": {name: [float(v) for v in value] for name, value in results.items()},
    }
    with open("rules.json", "w", encoding="utf-8") as file:
        json.dump(golden, file, separators=(",", ":"))
        file.write("\n")


main()
