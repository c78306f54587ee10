"""A round of pfl-research's CIFAR-10 benchmark on the CPU: ours and pfl's simulator.

50 clients of 50 pictures each (1,000 users in all), one local epoch in batches of 10, learning rate 0.1, a network of
1,626,442 parameters, the unweighted mean of the updates, no evaluation. Ours is the figure `CIFAR-10 round` of
`tributary benchmark simulate` with as many workers as PyTorch gets threads; pfl runs in one process, as its simulator
does without a launcher. pfl's pictures are drawn at random; ours are too unless TRIBUTARY_DATA holds CIFAR-10.
"""

import contextlib
import sys
import time

from comparison import Comparison, figure, figures, options, require, show

chosen = options(__doc__, arguments=[("rounds", 3, "pfl's timed rounds in a pair, after one that is not counted"),
                                     ("threads", 1, "threads of PyTorch and workers of ours")])
peer = require("torch", "pfl")
import torch  # noqa: E402
from pfl.aggregate.simulate import SimulatedBackend  # noqa: E402
from pfl.aggregate.weighting import WeightByUser  # noqa: E402
from pfl.algorithm.base import NNAlgorithmParams  # noqa: E402
from pfl.algorithm.federated_averaging import FederatedAveraging  # noqa: E402
from pfl.callback.base import TrainingProcessCallback  # noqa: E402
from pfl.data.dataset import Dataset  # noqa: E402
from pfl.data.federated_dataset import FederatedDataset  # noqa: E402
from pfl.data.sampling import get_user_sampler  # noqa: E402
from pfl.hyperparam import NNTrainHyperParams  # noqa: E402
from pfl.metrics import Metrics  # noqa: E402
from pfl.model.pytorch import PyTorchModel  # noqa: E402

from picture_model import PictureModel  # noqa: E402

torch.set_num_threads(chosen.threads)
torch.manual_seed(8)
pictures = torch.rand(1000, 50, 3, 32, 32)
labels = torch.randint(0, 10, (1000, 50))
module = PictureModel()
parameters = sum(parameter.numel() for parameter in module.parameters())
if parameters != 1_626_442:
    raise SystemExit(f"found {parameters} parameters, expected 1626442")
model = PyTorchModel(module, torch.optim.SGD, torch.optim.SGD(module.parameters(), lr=1.0))


class Clock(TrainingProcessCallback):
    """Notes the end of every round."""

    def __init__(self):
        self.ends = []

    def after_central_iteration(self, aggregate_metrics, model, *, central_iteration):
        """Called by pfl after each round."""
        self.ends.append(time.perf_counter())
        return False, Metrics()


def users():
    """The users with a sampler that draws them at random."""
    return FederatedDataset(lambda user: Dataset((pictures[user], labels[user])),
                            get_user_sampler("random", list(range(1000))))


def theirs():
    """Seconds of a round: the median of the timed ones."""
    clock = Clock()
    # pfl prints its metrics.
    with contextlib.redirect_stdout(sys.stderr):
        FederatedAveraging().run(
            NNAlgorithmParams(central_num_iterations=chosen.rounds + 1, evaluation_frequency=1000, train_cohort_size=50,
                              val_cohort_size=0),
            SimulatedBackend(training_data=users(), val_data=users(), postprocessors=[WeightByUser()]), model,
            NNTrainHyperParams(local_num_epochs=1, local_learning_rate=0.1, local_batch_size=10), None, [clock])
    rounds = sorted(b - a for a, b in zip(clock.ends, clock.ends[1:]))
    return rounds[len(rounds) // 2]


comparison = Comparison("CIFAR-10 round", "s", f"{peer}, {chosen.threads} threads")
for _ in range(chosen.pairs):
    ours = figure(figures("benchmark", "simulate", "--only", "cifar10", "--workers", str(chosen.threads)),
                  "CIFAR-10 round")
    comparison.add(ours, theirs())
show([comparison], chosen)
