"""Two rounds of FedAvg on a softmax model, written plainly in NumPy with float64.

Usage: softmax_reference.py INITIAL.safetensors OUTPUT.safetensors SITE [SITE ...]
Each site takes two whole-batch steps of SGD a round (momentum 0.9, weight decay 1e-3, gradients clipped to norm 10).
"""
import json
import sys

import numpy as np

ROUNDS, EPOCHS, RATE, MOMENTUM, DECAY, CLIP = 2, 2, 0.05, 0.9, 1e-3, 10.0
TYPES = {"F32": "<f4", "F64": "<f8", "I64": "<i8", "U8": "u1"}


def read(path):
    with open(path, "rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header, data = json.loads(file.read(size)), file.read()
    header.pop("__metadata__", None)
    return {name: np.frombuffer(data[slice(*entry["data_offsets"])], TYPES[entry["dtype"]]).reshape(entry["shape"])
            for name, entry in header.items()}


def write(path, tensors):
    header, offset = {}, 0
    for name in sorted(tensors):
        end = offset + tensors[name].size * 4
        header[name] = {"dtype": "F32", "shape": list(tensors[name].shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name in sorted(tensors):
            file.write(tensors[name].astype("<f4").tobytes())


def load(site):
    manifest = json.load(open(f"{site}/site.json"))
    inputs, labels = [], []
    for shard in manifest["splits"]["train"]:
        tensors = read(f"{site}/{shard['file']}")
        parts = [tensors[modality["name"]].reshape(shard["examples"], -1) for modality in manifest["modalities"]]
        inputs.append(np.concatenate(parts, axis=1))
        labels.append(tensors["labels"])
    return np.concatenate(inputs).astype(np.float64), np.concatenate(labels).astype(int)


def train(weights, x, y):
    w = {name: value.astype(np.float64) for name, value in weights.items()}
    velocity = None
    for _ in range(EPOCHS):
        logits = x @ w["weight"].T + w["bias"]
        p = np.exp(logits - logits.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        p[np.arange(len(y)), y] -= 1
        p /= len(y)
        gradient = {"weight": p.T @ x, "bias": p.sum(axis=0)}
        norm = np.sqrt(sum((g ** 2).sum() for g in gradient.values()))
        scale = min(1.0, CLIP / (norm + 1e-6))
        gradient = {name: g * scale + DECAY * w[name] for name, g in gradient.items()}
        velocity = gradient if velocity is None else {n: MOMENTUM * velocity[n] + g for n, g in gradient.items()}
        w = {name: w[name] - RATE * velocity[name] for name in w}
    return w


initial, output, *sites = sys.argv[1:]
weights = {name: value.astype(np.float64) for name, value in read(initial).items()}
data = [load(site) for site in sites]
total = sum(len(y) for _, y in data)
for _ in range(ROUNDS):
    local = [train(weights, x, y) for x, y in data]
    weights = {name: sum(w[name] * (len(y) / total) for w, (_, y) in zip(local, data)) for name in weights}
write(output, weights)
