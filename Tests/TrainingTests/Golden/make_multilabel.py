"""Makes multilabel.json: PyTorch's training of a linear model with several labels an example.

    python3 make_multilabel.py        (seed 8, PyTorch in float32)

Three steps of SGD (momentum 0.9, weight decay 1e-5, gradient norm at most 10) on all twelve examples at once, so that no
order of theirs matters; the loss is binary cross-entropy averaged over examples and classes. The evaluation sums over
examples the loss averaged over classes, and counts examples whose classes with a positive score are just their own.
"""
import json
import pathlib

import numpy as np
import torch

rng = np.random.default_rng(8)
N, D, K, STEPS = 12, 3, 4, 3
values = rng.normal(size=(N, D)).astype("f4")
targets = (values @ rng.normal(size=(D, K)) > 0).astype("f4")
targets[0], targets[1] = 0, 1  # no class at all, and all of them
model = torch.nn.Linear(D, K)
with torch.no_grad():
    model.weight.copy_(torch.tensor(rng.normal(size=(K, D)).astype("f4")))
    model.bias.copy_(torch.tensor(rng.normal(size=K).astype("f4")))
x, t = torch.tensor(values), torch.tensor(targets)


def state():
    return {name: tensor.detach().flatten().tolist() for name, tensor in model.named_parameters()}


def evaluate():
    with torch.no_grad():
        scores = model(x)
        losses = torch.nn.functional.binary_cross_entropy_with_logits(scores, t, reduction="none").mean(1)
        return {"loss": losses.sum().item(), "correct": int(((torch.sigmoid(scores) > 0.5) == (t > 0.5)).all(1).sum())}


golden = {
    "values": values.flatten().tolist(), "targets": targets.flatten().tolist(), "initial": state(), "before": evaluate(),
}
optimiser = torch.optim.SGD(model.parameters(), lr=2.0, momentum=0.9, weight_decay=1e-5)
for _ in range(STEPS):
    optimiser.zero_grad()
    loss = torch.nn.functional.binary_cross_entropy_with_logits(model(x), t)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 10.0)
    optimiser.step()
golden |= {"lastLoss": loss.item() * N, "final": state(), "after": evaluate()}
path = pathlib.Path(__file__).with_name("multilabel.json")
path.write_text(json.dumps(golden, indent=1) + "\n")
