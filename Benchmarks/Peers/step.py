"""A training step of the activity model, batch of 16 windows, one thread: ours and PyTorch's own layers.

Ours is the figure `training step` of `tributary benchmark train`. Theirs is the same model from nn.Conv1d, nn.GRU and
nn.Linear with forward, loss, backward, clipping to a norm of 10 and SGD with momentum 0.9 and weight decay 1e-5, on
windows that lie in memory as tensors. Both read batches, draw dropout masks and update 420,684 parameters.
"""

import time

from comparison import Comparison, figure, figures, options, require, show

chosen = options(__doc__, arguments=[("steps", 20, "steps that a repetition times"),
                                     ("repetitions", 5, "repetitions of each side in a pair")])
peer = require("torch")
import torch  # noqa: E402

from har_model import ActivityModel  # noqa: E402

torch.set_num_threads(1)
torch.manual_seed(8)
model = ActivityModel().train()
parameters = sum(parameter.numel() for parameter in model.parameters())
if parameters != 420_684:
    raise SystemExit(f"found {parameters} parameters, expected 420684")
windows = [torch.randn(16 * chosen.steps, 128, 3) for _ in range(2)]
labels = torch.randint(0, 6, (16 * chosen.steps,))


def theirs():
    """Milliseconds of a step: the median over repetitions, after one that is not counted."""
    times = []
    for _ in range(chosen.repetitions + 1):
        optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-5)
        start = time.perf_counter()
        for step in range(chosen.steps):
            rows = slice(16 * step, 16 * step + 16)
            optimizer.zero_grad()
            scores = model(windows[0][rows], windows[1][rows])
            torch.nn.functional.cross_entropy(scores, labels[rows]).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 10.0)
            optimizer.step()
        times.append((time.perf_counter() - start) / chosen.steps * 1e3)
    return sorted(times[1:])[chosen.repetitions // 2]


comparison = Comparison("training step", "ms", f"{peer}, one thread")
for _ in range(chosen.pairs):
    ours = figure(figures("benchmark", "train", "--repetitions", str(max(5, chosen.repetitions))), "training step")
    comparison.add(ours, theirs())
show([comparison], chosen)
