"""Makes private-descent.json: DP-SGD without noise, by PyTorch's gradients of single examples.

    python3 make_private_descent.py        (seed 8, PyTorch in float32)

Three steps over all twelve examples (a rate of 1): each example's gradient of the cross-entropy is scaled down to the L2
norm C over all parameters, the sum is divided by the number of examples, and SGD with momentum 0.9 and weight decay 1e-5
goes along it. `norms` are those of the first step before clipping.
"""
import json
import pathlib

import numpy as np
import torch

rng = np.random.default_rng(8)
N, D, K, STEPS, CLIP, RATE = 12, 3, 3, 3, 0.6, 0.5
values = (rng.normal(size=(N, D)) * np.linspace(0.1, 2, N)[:, None]).astype("f4")
labels = rng.integers(0, K, size=N)
weight = rng.normal(size=(K, D)).astype("f4")
bias = rng.normal(size=K).astype("f4")


def train(clip):
    model = torch.nn.Linear(D, K)
    with torch.no_grad():
        model.weight.copy_(torch.tensor(weight))
        model.bias.copy_(torch.tensor(bias))
    optimiser = torch.optim.SGD(model.parameters(), lr=RATE, momentum=0.9, weight_decay=1e-5)
    norms = []
    for step in range(STEPS):
        sums = [torch.zeros_like(p) for p in model.parameters()]
        for row in range(N):
            model.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(torch.tensor(values[row : row + 1])),
                                                     torch.tensor(labels[row : row + 1]))
            loss.backward()
            norm = float(torch.sqrt(sum((p.grad.double() ** 2).sum() for p in model.parameters())))
            if step == 0:
                norms.append(norm)
            for total, p in zip(sums, model.parameters()):
                total += p.grad * min(1.0, clip / norm)
        for total, p in zip(sums, model.parameters()):
            p.grad = total / N
        optimiser.step()
    return {name: tensor.detach().flatten().tolist() for name, tensor in model.named_parameters()}, norms


clipped, norms = train(CLIP)
golden = {"values": values.flatten().tolist(), "labels": labels.tolist(), "weight": weight.flatten().tolist(),
          "bias": bias.tolist(), "clip": CLIP, "norms": norms, "clipped": clipped, "free": train(1e9)[0]}
pathlib.Path(__file__).with_name("private-descent.json").write_text(json.dumps(golden))
