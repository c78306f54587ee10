"""Makes the golden values of pictures.safetensors: the convolutional and the fully connected network.

Run with PyTorch, NumPy and safetensors installed, from this folder: `nice python3 make_pictures.py`. The values in the
repository were made with PyTorch 2.15.0 on one thread of a CPU. The networks are written plainly from their description;
dropout is off. Weights, inputs and labels are not stored: `hashed` of make_golden.py makes them from their names.

For `cnn/` (pictures [2, 9, 8], 3 and 4 filters, 5 hidden features, 3 classes) and `mlp/` (12 features, hidden layers of 7 and
5, 3 classes), over a batch of 4: `logits`, `loss`, for every parameter its gradient `gradient.NAME`, and `logits.after` a step
of SGD with learning rate 0.1, momentum 0.9, weight decay 1e-5 and clipping to norm 0.5.
"""
import torch
import torch.nn as nn
import torch.nn.functional as F
from safetensors.numpy import save_file

from make_golden import fill, labels, values

torch.set_num_threads(1)


def cnn():
    """The layers of pfl-research's `simple_cnn`, with a stand-in for its change of axes, which has no parameters."""
    return nn.Sequential(
        nn.Identity(), nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.25),
        nn.Flatten(), nn.Linear(4 * 2 * 2, 5), nn.ReLU(), nn.Dropout(0.5), nn.Linear(5, 3))


def mlp():
    return nn.Sequential(nn.Linear(12, 7), nn.ReLU(), nn.Linear(7, 5), nn.ReLU(), nn.Linear(5, 3))


results = {}
for name, model, x in [("cnn", cnn(), values("input.cnn", 4, 2, 9, 8)), ("mlp", mlp(), values("input.mlp", 4, 12))]:
    model.eval()
    fill(model, hidden=1)
    target = labels("labels", 4, 3)
    logits = model(x)
    loss = F.cross_entropy(logits, target)
    loss.backward()
    results[f"{name}/logits"] = logits.detach().numpy()
    results[f"{name}/loss"] = loss.detach().reshape(1).numpy()
    for key, parameter in model.named_parameters():
        results[f"{name}/gradient.{key}"] = parameter.grad.clone().numpy()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-5)
    torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
    optimiser.step()
    results[f"{name}/logits.after"] = model(x).detach().numpy()
save_file(results, "pictures.safetensors")
