"""Makes the golden values of ModelZooTests: the models of the FedMultimodal benchmark and the softmax model.

Run with PyTorch, NumPy and safetensors installed, from this folder: `python3 make_golden.py`. The values in the repository
were made with PyTorch 2.15.0 on a CPU (softmax.safetensors: NumPy alone). The models are written plainly from their published description; dropout is off
(evaluation mode) throughout. Weights, inputs and labels are not stored: `hashed` makes them from their names, here and in
Golden.swift alike, so that a file holds results only.

- `har-*`: the activity model at full size: `logits`, `loss`, for every parameter with a gradient its `norm.*` and a few of
  its values `gradient.*` at the positions `at.*`, `stepped.*` (the same positions after a step of clipping to norm 10, SGD
  with learning rate 0.05, momentum 0.9 and weight decay 1e-5), and `logits.after` a second step.
- `families`: small models of every family. In `right` cases each example is computed alone from its valid steps, so that
  there is no padding and no mask to get wrong; in `faithful` ones whole batches go the way of the benchmark's code.
"""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from safetensors.numpy import save_file
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

SEED = 20240817


def hashed(name, count):
    """Whole numbers from -127 to 127 that depend on the name and the position alone."""
    salt = 2166136261
    for byte in name.encode():
        salt = (salt ^ byte) * 16777619 % 2**32
    with np.errstate(over="ignore"):
        x = np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B1) + np.uint32(salt)
        x = (x ^ (x >> np.uint32(16))) * np.uint32(0x85EBCA6B)
        x = (x ^ (x >> np.uint32(13))) * np.uint32(0xC2B2AE35)
        x ^= x >> np.uint32(16)
    return (x % np.uint32(255)).astype(np.int64) - 127


def values(name, *shape):
    """An input: hashed numbers in units of 1/64."""
    return torch.from_numpy((hashed(name, int(np.prod(shape))) / 64).astype(np.float32).reshape(shape))


def labels(name, count, classes):
    return torch.from_numpy((hashed(name, count) + 127) % classes)


def fill(model, hidden):
    """Gives every parameter hashed values between plus and minus the bound of PyTorch's default.

    Four times that in the attention, which would weigh all steps nearly alike and have gradients of rounding errors.
    """
    shapes = {name: parameter.shape for name, parameter in model.named_parameters()}
    for name, parameter in model.named_parameters():
        if name.endswith("_l0"):
            fan = hidden
        else:
            fan = int(np.prod(shapes[name.rsplit(".", 1)[0] + ".weight"][1:]))
        steps = hashed(name, parameter.numel()).astype(np.float32)
        bound = (4 if "att_fc" in name else 1) / np.sqrt(fan)
        with torch.no_grad():
            parameter.copy_(torch.from_numpy(steps * np.float32(bound / 127)).reshape(parameter.shape))


class Encoder(nn.Module):
    def __init__(self, inputs, hidden):
        super().__init__()
        self.conv1 = nn.Conv1d(inputs, hidden // 4, 5, padding=2)
        self.conv2 = nn.Conv1d(hidden // 4, hidden // 2, 5, padding=2)
        self.conv3 = nn.Conv1d(hidden // 2, hidden, 5, padding=2)

    def forward(self, x):
        x = x.transpose(1, 2)
        for conv in (self.conv1, self.conv2, self.conv3):
            x = F.max_pool1d(F.relu(conv(x)), 2)
        return x.transpose(1, 2)


class Pooling(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.att_fc1 = nn.Linear(hidden, 512)
        self.att_fc2 = nn.Linear(512, 6)

    def forward(self, h, masked=None):
        scores = self.att_fc2(torch.tanh(self.att_fc1(h))).transpose(1, 2)
        if masked is not None:
            scores = scores.masked_fill(masked, -1e5)
        return (torch.softmax(scores, 2) @ h).flatten(1)


class Model(nn.Module):
    """One of the families: `inputs` are pairs of a name and (encoder, features)."""

    def __init__(self, family, attention, inputs, classes, hidden):
        super().__init__()
        self.family, self.attention, self.inputs, self.hidden = family, attention, inputs, hidden
        for name, (encoder, features) in inputs:
            if encoder == "convolution":
                self.add(name, "conv", Encoder(features, hidden))
                self.add(name, "rnn", nn.GRU(hidden, hidden, batch_first=True))
            elif encoder == "recurrent":
                self.add(name, "rnn", nn.GRU(features, hidden, batch_first=True))
            else:
                self.add(name, "proj", nn.Sequential(
                    nn.Linear(features, hidden), nn.ReLU(), nn.Identity(), nn.Linear(hidden, hidden)))
        if attention:
            self.pool = "att" if family == "unimodal" else "fuse_att"
            self.add_module(self.pool, Pooling(hidden))
        elif family not in ("image-text", "unimodal"):
            for name, (encoder, _) in inputs:
                if encoder != "projection":
                    self.add(name, "proj", nn.Linear(hidden, hidden // 2))
        first = nn.Linear((6 if attention else len(inputs)) * hidden, 64)
        middle = [nn.ReLU()] if not attention and family in ("har", "ecg") else [nn.ReLU(), nn.Identity()]
        self.classifier = nn.Sequential(first, *middle, nn.Linear(64, classes))

    def path(self, name, part):
        return part if self.family == "unimodal" else f"{name}_{part}"

    def add(self, name, part, module):
        self.add_module(self.path(name, part), module)

    def part(self, name, part):
        return getattr(self, self.path(name, part))

    def states(self, name, encoder, x):
        """The states of whole sequences."""
        if encoder == "projection":
            return self.part(name, "proj")(x)
        return self.part(name, "rnn")(self.part(name, "conv")(x) if encoder == "convolution" else x)[0]

    def alone(self, example):
        """The logits of one example, `example` holding for each modality its valid steps [T, D]."""
        states = []
        for (name, (encoder, _)), x in zip(self.inputs, example):
            enough = 8 if encoder == "convolution" else 1
            states.append(self.states(name, encoder, x[None]) if len(x) >= enough else None)
        if self.attention:
            present = [s for s in states if s is not None]
            fused = getattr(self, self.pool)(torch.cat(present, 1)) if present else torch.zeros(1, 6 * self.hidden)
        else:
            fused = torch.cat([torch.zeros(1, self.hidden) if s is None else s.mean(1) for s in states], 1)
        return self.classifier(fused)

    def right(self, xs, lengths):
        return torch.cat([
            self.alone([x[i, :n[i]] for x, n in zip(xs, lengths)]) for i in range(len(xs[0]))])

    def faithful(self, xs, lengths):
        """The benchmark's way with a batch, `xs` zero after the lengths."""
        packs = self.family not in ("har", "ecg")
        all_states, ends = [], []
        for (name, (encoder, _)), x, n in zip(self.inputs, xs, lengths):
            n = torch.tensor(n)
            x = torch.where(torch.arange(x.shape[1])[None, :, None] < n[:, None, None], x, torch.zeros(()))
            if n.max() > 0:
                x = x[:, :n.max()]
            if encoder == "projection":
                states = self.states(name, encoder, x)
            else:
                if encoder == "convolution":
                    x, n = self.part(name, "conv")(x), n // 8
                    if self.family in ("ser", "unimodal"):
                        n = n.clamp(min=1)
                if packs and n[0] != 0:
                    x = pack_padded_sequence(x, n, batch_first=True, enforce_sorted=False)
                    states = pad_packed_sequence(self.part(name, "rnn")(x)[0], batch_first=True)[0]
                else:
                    states = self.part(name, "rnn")(x)[0]
            all_states.append(states)
            ends.append(n)
        if not self.attention:
            return self.classifier(torch.cat([s.mean(1) for s in all_states], 1))
        masks = [torch.arange(s.shape[1])[None, :] >= n[:, None] for s, n in zip(all_states, ends)]
        masked = torch.cat(masks, 1)[:, None, :]
        if self.family == "unimodal":
            # Its mask is laid over the heads instead of the steps.
            masked = (torch.arange(6)[None, :] >= ends[0][:, None])[:, :, None]
        return self.classifier(getattr(self, self.pool)(torch.cat(all_states, 1), masked))


def gradients(model, out, prefix, samples):
    """Every gradient as its L2 norm and its values at some positions."""
    for name, parameter in model.named_parameters():
        if parameter.grad is None:
            continue
        g = parameter.grad.numpy().reshape(-1)
        at = np.unique((hashed(f"at.{name}", samples) + 127) * g.size // 255)
        out[f"{prefix}at.{name}"] = at.astype(np.int64)
        out[f"{prefix}gradient.{name}"] = g[at].copy()
        out[f"{prefix}norm.{name}"] = np.array([np.sqrt((g.astype(np.float64) ** 2).sum())], np.float32)


def activity(attention):
    inputs = [("acc", ("convolution", 3)), ("gyro", ("convolution", 3))]
    model = Model("har", attention, inputs, 6, 128)
    fill(model, 128)
    count = 4
    xs = [values("input.acc", count, 128, 3), values("input.gyro", count, 128, 3)]
    target = labels("labels", count, 6)
    out = {}
    # Lengths 128, 77, 8, 0 for acc and 128, 128, 64, 40 for gyro mask the attention at a length of n // 8.
    out["logits.masked"] = model.faithful(xs, [[128, 77, 8, 0], [128, 128, 64, 40]]).detach().numpy()
    optimiser = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9, weight_decay=1e-5)
    full = [[128] * count] * 2
    for step in range(2):
        optimiser.zero_grad()
        logits = model.faithful(xs, full)
        loss = F.cross_entropy(logits, target)
        loss.backward()
        if step == 0:
            out |= {"logits": logits.detach().numpy(), "loss": loss.detach().numpy().reshape(1)}
            gradients(model, out, "", 24)
        nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        optimiser.step()
        if step == 0:
            for name, parameter in model.named_parameters():
                if parameter.grad is not None:
                    out[f"stepped.{name}"] = parameter.detach().numpy().reshape(-1)[out[f"at.{name}"]].copy()
    out["logits.after"] = model.faithful(xs, full).detach().numpy()
    save(out, f"har-{'attention' if attention else 'concat'}")


FAMILIES = {
    "ser": ("ser", [("audio", ("convolution", 5)), ("text", ("recurrent", 6))]),
    "mmaction": ("mmaction", [("audio", ("convolution", 5)), ("video", ("recurrent", 7))]),
    "image-text": ("image-text", [("img", ("projection", 9)), ("text", ("recurrent", 6))]),
    "ecg": ("ecg", [("i_to_avf", ("convolution", 6)), ("v1_to_v6", ("convolution", 6))]),
    "three": ("mmaction", [
        ("audio", ("convolution", 5)), ("video", ("recurrent", 7)), ("img", ("projection", 9))]),
    "alone-audio": ("unimodal", [("audio", ("convolution", 5))]),
    "alone-text": ("unimodal", [("text", ("recurrent", 6))]),
}
STEPS = {"convolution": 67, "recurrent": 11, "projection": 1}
# Lengths by encoder and place. `right`: padding, absent modalities, fewer steps than the convolutions need, and the last
# example without anything. `padded`: nothing is absent. `absent`: the first modality is, in the whole batch.
LENGTHS = {
    "right": {
        "convolution": [[67, 0, 35, 7, 0], [50, 24, 0, 41, 0]], "recurrent": [[3, 11, 0, 8, 0], [4, 0, 9, 1, 0]],
        "projection": [[1, 0, 1, 1, 0], [1, 1, 0, 1, 0]]},
    "padded": {
        "convolution": [[35, 61, 8, 19, 40], [50, 24, 16, 41, 8]], "recurrent": [[3, 9, 1, 8, 5], [4, 2, 9, 1, 9]],
        "projection": [[1, 1, 1, 1, 1], [1, 1, 1, 1, 1]]},
}


def case(name, attention, kind):
    family, inputs = FAMILIES[name]
    hidden, classes, count = 16, 4, 5
    model = Model(family, attention, inputs, classes, hidden)
    fill(model, hidden)
    xs = [values(f"input.{i}", count, STEPS[encoder], features) for i, (_, (encoder, features)) in enumerate(inputs)]
    places = LENGTHS["right" if kind == "right" else "padded"]
    lengths = [places[encoder][i % 2] for i, (_, (encoder, _)) in enumerate(inputs)]
    if kind == "absent":
        lengths[0] = [0] * count
    logits = (model.right if kind == "right" else model.faithful)(xs, lengths)
    if family == "ecg":
        targets = (values("targets", count, classes) > 0).float()
        loss = F.binary_cross_entropy_with_logits(logits, targets)
    else:
        loss = F.cross_entropy(logits, labels("labels", count, classes))
    loss.backward()
    prefix = f"{name}/{'attention' if attention else 'concat'}/{kind}/"
    out = {
        f"{prefix}logits": logits.detach().numpy(), f"{prefix}loss": loss.detach().numpy().reshape(1),
        f"{prefix}lengths": np.array(lengths, np.int64)}
    # The names and norms of all gradients in two tensors, to keep the file small.
    norms = {}
    gradients(model, norms, "", 1)
    names = sorted(key[5:] for key in norms if key.startswith("norm."))
    out[f"{prefix}norms"] = np.concatenate([norms[f"norm.{key}"] for key in names])
    # The parameters that have a gradient, by position among all names in order.
    every = sorted(key for key, _ in model.named_parameters())
    out[f"{prefix}trained"] = np.array([every.index(key) for key in names], np.int64)
    return out


def save(out, name):
    save_file({key: np.ascontiguousarray(value) for key, value in out.items()}, f"{name}.safetensors")


def families():
    out = {}
    for name in FAMILIES:
        for attention in (True, False):
            for kind in ("right", "padded", "absent"):
                out |= case(name, attention, kind)
    save(out, "families")


def softmax():
    """Three epochs of plain SGD with momentum in NumPy, Float64, batches in file order."""
    rng = np.random.default_rng(SEED + 7)
    n, d, k, batch = 50, 12, 3, 8
    x = rng.normal(size=(n, d)).astype(np.float32)
    y = rng.integers(0, k, n)
    w = (rng.normal(size=(k, d)) * 0.1).astype(np.float32)
    b = (rng.normal(size=k) * 0.1).astype(np.float32)
    out = {"x": x, "labels": y.astype(np.int64), "weight": w.copy(), "bias": b.copy()}
    W, B = w.astype(np.float64), b.astype(np.float64)
    vw, vb = np.zeros_like(W), np.zeros_like(B)
    order = np.stack([rng.permutation(n) for _ in range(3)])
    for epoch in range(3):
        for start in range(0, n, batch):
            rows = order[epoch][start:start + batch]
            z = x[rows].astype(np.float64) @ W.T + B
            p = np.exp(z - z.max(1, keepdims=True))
            p /= p.sum(1, keepdims=True)
            p[np.arange(len(rows)), y[rows]] -= 1
            gw, gb = p.T @ x[rows] / len(rows), p.mean(0)
            norm = np.sqrt((gw ** 2).sum() + (gb ** 2).sum())
            scale = min(1.0, 0.5 / (norm + 1e-6))
            gw, gb = gw * scale + 1e-5 * W, gb * scale + 1e-5 * B
            vw, vb = 0.9 * vw + gw, 0.9 * vb + gb
            W, B = W - 0.1 * vw, B - 0.1 * vb
    out |= {"order": order.astype(np.int64), "weight.after": W, "bias.after": B}
    save_file({name: np.ascontiguousarray(v) for name, v in out.items()}, "softmax.safetensors")


if __name__ == "__main__":
    torch.set_num_threads(1)
    activity(True)
    activity(False)
    families()
    softmax()
