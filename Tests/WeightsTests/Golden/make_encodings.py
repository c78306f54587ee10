"""Makes the golden files of the update encodings with NumPy (seed 8): an update, what was left out before, and for each
encoding the encoded file and what it leaves out, byte for byte as Tributary writes them.

    python3 -m venv venv && venv/bin/pip install numpy
    venv/bin/python make_encodings.py
"""

import json
import os
import struct

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
NAMES = {"float32": "F32", "float16": "F16", "uint16": "BF16", "uint8": "U8", "int64": "I64"}


def write(name, tensors):
    """The canonical form of safetensors; uint16 stands for BF16."""
    order = sorted(tensors, key=lambda n: (-tensors[n].dtype.itemsize, n.encode()))
    header, offset = {}, 0
    for n in order:
        t = tensors[n]
        header[n] = {"dtype": NAMES[str(t.dtype)], "shape": list(t.shape), "data_offsets": [offset, offset + t.nbytes]}
        offset += t.nbytes
    text = json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    with open(os.path.join(HERE, f"encoding-{name}.safetensors"), "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for n in order:
            file.write(tensors[n].tobytes())


def bf16(x):
    """By arithmetic, not by patterns: a multiple of the quantum of the number's binade, ties to even."""
    exponent = np.maximum(np.floor(np.log2(np.maximum(np.abs(x.astype(np.float64)), 1e-300))), -126)
    quantum = 2.0 ** (exponent - 7)
    value = (np.rint(x.astype(np.float64) / quantum) * quantum).astype(np.float32)
    value = np.where((value == 0) & np.signbit(x), np.float32(-0.0), value)
    return value, (value.view(np.uint32) >> 16).astype(np.uint16)


def f16(x):
    half = np.clip(x, np.float32(-65504), np.float32(65504)).astype(np.float16)
    return half.astype(np.float32), half


def int8(x, block):
    codes, scales, back = [], [], []
    for start in range(0, x.size, block):
        part = x.ravel()[start:start + block]
        scale = np.float32(np.abs(part).max() / np.float32(127))
        q = np.rint(part / scale) if scale > 0 else np.zeros_like(part)
        codes.append((q + 128).astype(np.uint8))
        scales.append(scale)
        back.append((q * scale).astype(np.float32))
    return np.concatenate(back).reshape(x.shape), np.concatenate(codes).reshape(x.shape), np.array(scales, np.float32)


def top_k(x, fraction):
    flat = x.ravel()
    count = max(1, int(np.rint(fraction * flat.size)))
    kept = np.sort(np.lexsort((np.arange(flat.size), -np.abs(flat)))[:count])
    back = np.zeros_like(flat)
    back[kept] = flat[kept]
    places = kept.astype("<u4").view(np.uint8).reshape(count, 4)
    return back.reshape(x.shape), flat[kept], places


random = np.random.RandomState(8)
w = (random.standard_normal((23, 29)) * 10.0 ** random.uniform(-6, 3, (23, 29))).astype(np.float32)
w[0, :8] = [0, -0.0, 70000, -70000, 1e-42, 2.5, 3.5, 1.00390625]
w[5:8] = np.float32(0.125)
w[9:13] = 0
update = {
    "w": w, "b": np.array([1, -2, 0.5, 127, 63.5], np.float32), "aux.steps": np.array(3, np.float32),
    "count": np.array([4, -5], np.int64),
}
before = {n: (random.standard_normal(update[n].shape) * 1e-3).astype(np.float32) for n in ["w", "b"]}
before["w"][:13] = 0
write("update", update)
write("before", before)
pushed = {n: update[n] + before[n] for n in before}
rest = {n: update[n] for n in ["aux.steps", "count"]}

for name, form in [("bf16", bf16), ("f16", f16)]:
    both = {n: form(x) for n, x in pushed.items()}
    write(name, rest | {n: b[1] for n, b in both.items()})
    write(name + "-left", {n: pushed[n] - b[0] for n, b in both.items()})
both = {n: int8(x, 64) for n, x in pushed.items()}
write("int8", rest | {n: b[1] for n, b in both.items()} | {n + "#scale": b[2] for n, b in both.items()})
write("int8-left", {n: pushed[n] - b[0] for n, b in both.items()})
both = {n: top_k(x, 0.1) for n, x in pushed.items()}
write("top-k", rest | {n + "#value": b[1] for n, b in both.items()} | {n + "#index": b[2] for n, b in both.items()})
write("top-k-left", {n: pushed[n] - b[0] for n, b in both.items()})
