"""Golden values of the module Tensors, computed by PyTorch.

Needs torch, numpy and safetensors; run it in this folder:  python3 make_golden.py
Every case writes its inputs (case/in/name), the output (case/out), the gradient given to backward (case/up) and the
gradients of the float inputs (case/grad/name). The values in the repository were made with PyTorch 2.13.0 (CPU).
"""

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

torch.manual_seed(20240607)
torch.set_num_threads(1)
tensors = {}


def case(name, function, **inputs):
    """Runs function(**inputs) and stores everything a test needs."""
    leaves = {}
    for key, value in inputs.items():
        tensors[f"{name}/in/{key}"] = value.clone().contiguous()
        leaves[key] = value.clone().requires_grad_() if value.is_floating_point() else value
    out = function(**leaves)
    tensors[f"{name}/out"] = out.detach().clone().contiguous()
    if not out.requires_grad:
        return
    up = torch.randn(out.shape)
    out.backward(up)
    tensors[f"{name}/up"] = up
    for key, value in leaves.items():
        if value.is_floating_point() and value.grad is not None:
            tensors[f"{name}/grad/{key}"] = value.grad.clone().contiguous()


def positive(*shape):
    return torch.rand(*shape) + 0.5


x = torch.randn(4, 5, 6)
for name in ["neg", "abs", "exp", "square", "tanh", "sigmoid", "relu"]:
    case(name, lambda a, name=name: getattr(torch, name)(a), a=x)
for name in ["log", "sqrt"]:
    case(name, lambda a, name=name: getattr(torch, name)(a), a=positive(4, 5))
case("power", lambda a: a**2.5, a=positive(3, 4))
case("clamp", lambda a: a.clamp(-0.5, 0.75), a=x)
case("add", lambda a, b: a + b, a=x, b=torch.randn(5, 1))
case("subtract", lambda a, b: a - b, a=torch.randn(6), b=x)
case("multiply", lambda a, b: a * b, a=x, b=torch.randn(4, 1, 6))
case("divide", lambda a, b: a / b, a=x, b=positive(5, 6))
case("scalars", lambda a: ((a + 1.25) * 3.0 - 0.5) / 7.0, a=x)
case("mask", lambda a, mask: a.masked_fill(mask, -1e5), a=x, mask=torch.rand(4, 1, 6) < 0.4)
case("where", lambda a, b, mask: torch.where(mask, a, b), a=x, b=torch.randn(6), mask=torch.rand(4, 5, 6) < 0.5)

for name in ["sum", "mean", "max", "min"]:
    case(f"{name}-all", lambda a, name=name: getattr(a, name)(), a=x)
for name in ["sum", "mean"]:
    case(f"{name}-axis", lambda a, name=name: getattr(a, name)(1), a=x)
    case(f"{name}-keep", lambda a, name=name: getattr(a, name)(-1, keepdim=True), a=x)
for name in ["max", "min"]:
    case(f"{name}-axis", lambda a, name=name: getattr(a, name)(1)[0], a=x)
    case(f"{name}-ties", lambda a, name=name: getattr(a, name)(1)[0], a=torch.randint(0, 2, (3, 6)).float())
case("argmax", lambda a: a.argmax(2), a=x)
case("less", lambda a, b: (a < b).long(), a=x, b=torch.randn(5, 6))
case("equal", lambda a, b: (a == b).long(), a=torch.randint(0, 3, (20,)), b=torch.randint(0, 3, (20,)))

case("reshape", lambda a: a.reshape(2, -1, 3), a=x)
case("expand", lambda a: a.expand(4, -1, 3), a=torch.randn(5, 1))
case("permute", lambda a: a.permute(2, 0, 1), a=x)
case("transpose", lambda a: a.transpose(0, -1), a=x)
case("unsqueeze", lambda a: a.unsqueeze(1).squeeze(1).unsqueeze(-1), a=x)
case("slice", lambda a: a[:, 1:5:2], a=x)
case("select", lambda a: a[:, -2], a=x)
case("index-select", lambda a, index: a.index_select(1, index), a=x, index=torch.tensor([3, 0, 3, 4]))
case("gather", lambda a, index: a.gather(1, index), a=x, index=torch.randint(0, 5, (4, 3, 6)))
case("cat", lambda a, b: torch.cat([a, b, a], 1), a=x, b=torch.randn(4, 2, 6))
case("stack", lambda a, b: torch.stack([a, b], 1), a=x, b=torch.randn(4, 5, 6))

case("matmul", lambda a, b: a @ b, a=torch.randn(7, 5), b=torch.randn(5, 3))
case("matmul-batch", lambda a, b: a @ b, a=torch.randn(4, 7, 5), b=torch.randn(4, 5, 3))
case("matmul-vector", lambda a, b: a @ b, a=torch.randn(4, 5), b=torch.randn(5))
case("addmm", lambda bias, a, b: torch.addmm(bias, a, b), bias=torch.randn(3), a=torch.randn(7, 5), b=torch.randn(5, 3))
case("linear", F.linear, input=torch.randn(4, 7, 5), weight=torch.randn(3, 5), bias=torch.randn(3))
case("linear-plain", F.linear, input=torch.randn(7, 5), weight=torch.randn(3, 5))
case(
    "conv", lambda x, weight, bias: F.conv1d(x, weight, bias, padding=2),
    x=torch.randn(3, 4, 17), weight=torch.randn(6, 4, 5), bias=torch.randn(6))
case(
    "conv-options", lambda x, weight, bias: F.conv1d(x, weight, bias, stride=2, padding=1, dilation=2, groups=2),
    x=torch.randn(3, 4, 17), weight=torch.randn(6, 2, 3), bias=torch.randn(6))
case("conv-plain", lambda x, weight: F.conv1d(x, weight), x=torch.randn(2, 3, 9), weight=torch.randn(4, 3, 1))
case("pool", lambda x: F.max_pool1d(x, 2), x=torch.randn(3, 4, 17))
case("pool-options", lambda x: F.max_pool1d(x, 3, stride=2, padding=1), x=torch.randn(3, 4, 16))
case("softmax", lambda a: torch.softmax(a, 1), a=x)
case("log-softmax", lambda a: torch.log_softmax(a * 30, 2), a=x)
classes = torch.randint(0, 6, (11,))
case("nll", lambda a, target: F.nll_loss(torch.log_softmax(a, 1), target), a=torch.randn(11, 6), target=classes)
case("nll-sum", lambda a, target: F.nll_loss(a, target, reduction="sum"), a=torch.randn(11, 6), target=classes)
case("cross-entropy", lambda a, target: F.cross_entropy(a, target), a=torch.randn(11, 6), target=classes)
case(
    "cross-entropy-sum", lambda a, target: F.cross_entropy(a, target, reduction="sum"),
    a=torch.randn(11, 6) * 20, target=classes)


def gru(x, w, u, b, c, initial=None, lengths=None, total=None, last=False):
    cell = torch.nn.GRU(x.shape[2], u.shape[1], batch_first=True)
    names = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]
    given = x if lengths is None else pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    states, final = torch.func.functional_call(cell, dict(zip(names, [w, u, b, c])), (given, initial))
    if lengths is not None:
        states, _ = pad_packed_sequence(states, batch_first=True, total_length=total)
    return final if last else states


def gru_inputs(batch, steps):
    return dict(
        x=torch.randn(batch, steps, 4), w=torch.randn(9, 4) * 0.5, u=torch.randn(9, 3) * 0.5, b=torch.randn(9) * 0.5,
        c=torch.randn(9) * 0.5)


case("gru", gru, **gru_inputs(5, 8))
case("gru-last", lambda **a: gru(last=True, **a), **gru_inputs(5, 8))
case("gru-initial", gru, initial=torch.randn(1, 5, 3), **gru_inputs(5, 8))
case("gru-one-step", gru, **gru_inputs(3, 1))
case("gru-lengths", gru, lengths=torch.tensor([3, 8, 1, 8, 5]), **gru_inputs(5, 8))
case("gru-lengths-last", lambda **a: gru(last=True, **a), lengths=torch.tensor([3, 7, 1, 2, 5]), **gru_inputs(5, 8))
case("gru-lengths-total", lambda **a: gru(total=8, **a), lengths=torch.tensor([2, 1, 6]), **gru_inputs(3, 8))
case("gru-length-one", gru, lengths=torch.tensor([1, 1]), **gru_inputs(2, 4))
case(
    "gru-lengths-initial", gru, lengths=torch.tensor([1, 4, 2]), initial=torch.randn(1, 3, 3), **gru_inputs(3, 4))


def attention(states, w1, b1, w2, mask):
    """Two uses of one tensor, a mask and a softmax: a graph that is not a chain."""
    scores = F.linear(torch.tanh(F.linear(states, w1, b1)), w2).transpose(1, 2)
    weights = torch.softmax(scores.masked_fill(mask.unsqueeze(1), -1e5), 2)
    return (weights @ states).reshape(states.shape[0], -1)


case(
    "attention", attention, states=torch.randn(3, 7, 4), w1=torch.randn(8, 4), b1=torch.randn(8),
    w2=torch.randn(2, 8), mask=torch.rand(3, 7) < 0.4)

save_file(tensors, "operations.safetensors")

# Trajectories of torch.optim.SGD with and without clipping: the gradients are given, one parameter has none at the
# second step.
descents = {}
settings = {
    "plain": dict(lr=0.1),
    "decay": dict(lr=0.1, weight_decay=0.01),
    "momentum": dict(lr=0.05, momentum=0.9, weight_decay=0.00001),
    "dampening": dict(lr=0.05, momentum=0.9, dampening=0.3),
    "nesterov": dict(lr=0.05, momentum=0.8, nesterov=True, weight_decay=0.01),
    "clipped": dict(lr=0.05, momentum=0.9, clip=1.5),
    "unclipped": dict(lr=0.05, momentum=0.9, clip=1000.0),
}
for name, options in settings.items():
    options = dict(options)
    clip = options.pop("clip", None)
    parameters = [torch.randn(5, 3).requires_grad_(), torch.randn(7).requires_grad_(), torch.randn(()).requires_grad_()]
    optimiser = torch.optim.SGD(parameters, **options)
    for index, parameter in enumerate(parameters):
        descents[f"{name}/start/{index}"] = parameter.detach().clone()
    for step in range(3):
        for index, parameter in enumerate(parameters):
            parameter.grad = None if (step, index) == (1, 1) else torch.randn(parameter.shape)
            if parameter.grad is not None:
                descents[f"{name}/grad/{step}/{index}"] = parameter.grad.clone()
        if clip is not None:
            descents[f"{name}/norm/{step}"] = torch.nn.utils.clip_grad_norm_(parameters, clip).clone()
            for index, parameter in enumerate(parameters):
                if parameter.grad is not None:
                    descents[f"{name}/clipped/{step}/{index}"] = parameter.grad.clone()
        optimiser.step()
        for index, parameter in enumerate(parameters):
            descents[f"{name}/end/{step}/{index}"] = parameter.detach().clone()
save_file(descents, "descents.safetensors")
