"""Golden values of the module Layers, computed by PyTorch.

Needs torch, numpy and safetensors; run it in this folder:  python3 make_golden.py
Every case writes parameters (case/weights/name), inputs (case/in/name), the output (case/out), the gradient given to
backward (case/up), and the gradients of inputs (case/grad/name) and parameters (case/weights-grad/name). The values in
the repository were made with PyTorch 2.13.0 (CPU), those of binary-cross-entropy with 2.15.0.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from safetensors.torch import save_file
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

torch.manual_seed(20240608)
torch.set_num_threads(1)
tensors = {}


def case(name, module, function, **inputs):
    for key, value in module.state_dict().items():
        tensors[f"{name}/weights/{key}"] = value.clone()
    leaves = {}
    for key, value in inputs.items():
        tensors[f"{name}/in/{key}"] = value.clone()
        leaves[key] = value.clone().requires_grad_() if value.is_floating_point() else value
    out = function(module, **leaves)
    up = torch.randn(out.shape)
    out.backward(up)
    tensors[f"{name}/out"] = out.detach().clone().contiguous()
    tensors[f"{name}/up"] = up
    for key, value in leaves.items():
        if value.is_floating_point():
            tensors[f"{name}/grad/{key}"] = value.grad.clone().contiguous()
    for key, value in module.named_parameters():
        tensors[f"{name}/weights-grad/{key}"] = value.grad.clone().contiguous()


class Pooling(nn.Module):
    """Additive self-attention pooling with several heads; masked scores are overwritten one sample at a time."""

    def __init__(self, features, heads, width):
        super().__init__()
        self.att_fc1 = nn.Linear(features, width)
        self.att_fc2 = nn.Linear(width, heads)

    def forward(self, states, first=None, second=None, boundary=None):
        scores = self.att_fc2(torch.tanh(self.att_fc1(states))).transpose(1, 2).clone()
        if first is not None:
            for sample in range(states.shape[0]):
                scores[sample, :, int(first[sample]) : boundary] = -1e5
                scores[sample, :, boundary + int(second[sample]) :] = -1e5
        return (torch.softmax(scores, dim=2) @ states).reshape(states.shape[0], -1)


def recurrent(module, x, lengths=None, last=False):
    if lengths is None:
        states, final = module(x)
    else:
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        states, final = module(packed)
        states, _ = pad_packed_sequence(states, batch_first=True)
    return final if last else states


plain = lambda module, **inputs: module(*inputs.values())
case("linear", nn.Linear(7, 4), plain, x=torch.randn(3, 5, 7))
case("linear-plain", nn.Linear(7, 4, bias=False), plain, x=torch.randn(5, 7))
case("conv", nn.Conv1d(3, 8, 5, padding=2), plain, x=torch.randn(4, 3, 19))
case("conv-stride", nn.Conv1d(3, 8, 4, stride=3, padding=1), plain, x=torch.randn(4, 3, 19))
case("pool", nn.MaxPool1d(2, 2), plain, x=torch.randn(4, 3, 19))
case("gru", nn.GRU(5, 6, batch_first=True), recurrent, x=torch.randn(4, 9, 5))
case(
    "gru-lengths", nn.GRU(5, 6, batch_first=True), recurrent, x=torch.randn(6, 9, 5),
    lengths=torch.tensor([4, 1, 9, 2, 9, 6]))
case(
    "gru-lengths-last", nn.GRU(5, 6, batch_first=True), lambda *a, **k: recurrent(*a, last=True, **k),
    x=torch.randn(4, 9, 5), lengths=torch.tensor([1, 7, 3, 1]))
case("attention", Pooling(8, 6, 32), plain, x=torch.randn(3, 11, 8))
case(
    "attention-masked", Pooling(8, 6, 32), lambda m, x, first, second: m(x, first, second, 6),
    x=torch.randn(4, 11, 8), first=torch.tensor([6, 2, 0, 0]), second=torch.tensor([5, 0, 3, 0]))
case(
    "classifier", nn.Sequential(nn.Linear(9, 12), nn.ReLU(), nn.Dropout(0.1), nn.Linear(12, 5)).eval(),
    lambda m, x, target: F.cross_entropy(m(x), target), x=torch.randn(13, 9), target=torch.randint(0, 5, (13,)))
case(
    "binary-cross-entropy", nn.Sequential(nn.Linear(9, 5)),
    lambda m, x, target: F.binary_cross_entropy_with_logits(m(x), target), x=3 * torch.randn(13, 9),
    target=(torch.rand(13, 5) > 0.6).float())
save_file(tensors, "layers.safetensors")

# Twelve steps of training a small classifier, as a client does: clipping, momentum, weight decay.
torch.manual_seed(20240609)
model = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 4))
training = {f"start/{key}": value.clone() for key, value in model.state_dict().items()}
optimiser = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=0.001)
losses, norms = [], []
for step in range(12):
    x, target = torch.randn(10, 6), torch.randint(0, 4, (10,))
    training[f"x/{step}"], training[f"target/{step}"] = x, target
    optimiser.zero_grad()
    loss = F.cross_entropy(model(x), target)
    loss.backward()
    norms.append(nn.utils.clip_grad_norm_(model.parameters(), 0.5).item())
    losses.append(loss.item())
    optimiser.step()
training.update({f"end/{key}": value.clone() for key, value in model.state_dict().items()})
training["losses"], training["norms"] = torch.tensor(losses), torch.tensor(norms)
save_file(training, "training.safetensors")
