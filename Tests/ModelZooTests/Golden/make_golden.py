"""Makes the golden values of ModelZooTests: the activity model in both fusions and the softmax model.

Run with PyTorch, NumPy and safetensors installed, from this folder: `python3 make_golden.py`.
The models are written plainly from their published description; dropout is off (evaluation mode) throughout.
A file holds `weight.*` (the parameters before), `input.*`, `labels`, `logits`, `loss`, `gradient.*` (unclipped) and
`stepped.*` (the parameters after one step of clipping to norm 10, SGD with learning rate 0.05, momentum 0.9 and weight
decay 1e-5). Parameters that nothing uses have no gradient. To stay small, the weights of the activity model are uniform
numbers on a grid of 1/256 of PyTorch's default bound, stored as int8 in units of that grid (`grid.*` holds the unit).
"""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from safetensors.numpy import save_file

SEED = 20240817


class Encoder(nn.Module):
    def __init__(self, inputs):
        super().__init__()
        self.conv1 = nn.Conv1d(inputs, 32, 5, padding=2)
        self.conv2 = nn.Conv1d(32, 64, 5, padding=2)
        self.conv3 = nn.Conv1d(64, 128, 5, padding=2)

    def forward(self, x):
        x = x.transpose(1, 2)
        for conv in (self.conv1, self.conv2, self.conv3):
            x = F.max_pool1d(F.relu(conv(x)), 2)
        return x.transpose(1, 2)


class Pooling(nn.Module):
    def __init__(self):
        super().__init__()
        self.att_fc1 = nn.Linear(128, 512)
        self.att_fc2 = nn.Linear(512, 6)

    def forward(self, h, masked):
        scores = self.att_fc2(torch.tanh(self.att_fc1(h))).transpose(1, 2)
        if masked is not None:
            scores = scores.masked_fill(masked[:, None, :], -1e5)
        return (torch.softmax(scores, 2) @ h).flatten(1)


class Activity(nn.Module):
    def __init__(self, attention):
        super().__init__()
        self.acc_conv, self.gyro_conv = Encoder(3), Encoder(3)
        self.acc_rnn = nn.GRU(128, 128, batch_first=True)
        self.gyro_rnn = nn.GRU(128, 128, batch_first=True)
        if attention:
            self.fuse_att = Pooling()
            self.classifier = nn.Sequential(nn.Linear(768, 64), nn.ReLU(), nn.Identity(), nn.Linear(64, 6))
        else:
            self.acc_proj, self.gyro_proj = nn.Linear(128, 64), nn.Linear(128, 64)
            self.classifier = nn.Sequential(nn.Linear(256, 64), nn.ReLU(), nn.Linear(64, 6))
        self.attention = attention

    def forward(self, acc, gyro, masked=None):
        a = self.acc_rnn(self.acc_conv(acc))[0]
        g = self.gyro_rnn(self.gyro_conv(gyro))[0]
        if self.attention:
            return self.classifier(self.fuse_att(torch.cat([a, g], 1), masked))
        return self.classifier(torch.cat([a.mean(1), g.mean(1)], 1))


def windows(rng, count):
    """Wave-like windows, normalised per window and axis."""
    t = np.arange(128)[None, :, None] / 50
    f = rng.uniform(0.5, 6, (count, 1, 3))
    x = np.sin(2 * np.pi * f * t + rng.uniform(0, 6.28, (count, 1, 3))) + 0.3 * rng.normal(size=(count, 128, 3))
    x = (x - x.mean(1, keepdims=True)) / (x.std(1, keepdims=True) + 1e-5)
    return x.astype(np.float32)


def pack(model, rng, fill):
    """Gives every parameter values on a grid and returns them as int8 with the grid's unit."""
    tensors = {}
    for name, parameter in model.named_parameters():
        if name.endswith("_l0"):
            fan = 128
        elif name.endswith("weight"):
            fan = int(np.prod(parameter.shape[1:]))
        else:
            fan = dict(model.named_parameters())[name[:-4] + "weight"].shape[1:].numel()
        unit = np.float32(1 / np.sqrt(fan) / 127)
        steps = rng.integers(-127, 128, tuple(parameter.shape)).astype(np.int8)
        with torch.no_grad():
            parameter.copy_(torch.from_numpy(steps.astype(np.float32) * unit))
        tensors["weight." + name] = (steps.astype(np.int16) + 128).astype(np.uint8)
        tensors["grid." + name] = np.array([unit], np.float32)
    return tensors



def activity(attention, lengths=None):
    rng = np.random.default_rng(SEED + attention)
    model = Activity(attention)
    out = pack(model, rng, None)
    count = 4
    acc, gyro = windows(rng, count), windows(rng, count)
    labels = rng.integers(0, 6, count)
    out |= {"input.acc": acc, "input.gyro": gyro, "labels": labels.astype(np.int64)}
    if attention:
        # Lengths 128, 77, 8, 0 for acc and 128, 128, 64, 40 for gyro mask the attention at a length of n // 8.
        cut = [[128, 77, 8, 0], [128, 128, 64, 40]]
        masked = torch.cat([torch.arange(16)[None, :] >= torch.tensor(c)[:, None] // 8 for c in cut], 1)
        out["logits.masked"] = model(torch.from_numpy(acc), torch.from_numpy(gyro), masked).detach().numpy()
    optimiser = torch.optim.SGD(model.parameters(), 0.05, momentum=0.9, weight_decay=1e-5)
    for step in range(2):
        optimiser.zero_grad()
        logits = model(torch.from_numpy(acc), torch.from_numpy(gyro))
        loss = F.cross_entropy(logits, torch.from_numpy(labels))
        loss.backward()
        if step == 0:
            out |= {"logits": logits.detach().numpy(), "loss": loss.detach().numpy().reshape(1)}
            # Every gradient as its L2 norm, its sum, and its values at up to 512 positions.
            for name, parameter in model.named_parameters():
                if parameter.grad is None:
                    continue
                g = parameter.grad.numpy().reshape(-1)
                at = rng.choice(g.size, min(512, g.size), replace=False)
                out["at." + name] = np.sort(at).astype(np.int64)
                out["gradient." + name] = g[np.sort(at)]
                out["norm." + name] = np.array([np.sqrt((g.astype(np.float64) ** 2).sum())])
        nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        optimiser.step()
        if step == 0:
            for name, parameter in model.named_parameters():
                if parameter.grad is not None:
                    out["stepped." + name] = parameter.detach().numpy().reshape(-1)[out["at." + name]].copy()
    out["logits.after"] = model(torch.from_numpy(acc), torch.from_numpy(gyro)).detach().numpy()
    save_file({k: np.ascontiguousarray(v) for k, v in out.items()}, f"har-{'attention' if attention else 'concat'}.safetensors")


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
    softmax()
