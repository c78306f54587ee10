"""Federated averaging over the two nodes; the end of every round is written to a file as seconds of a clock."""

import json
import time

import numpy as np
from flwr.app import ArrayRecord, Context
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg

app = ServerApp()


class Stamped(FedAvg):
    """FedAvg that notes when it has a round's evaluation."""

    path = None
    stamps = []

    def aggregate_evaluate(self, server_round, replies):
        """As FedAvg's, with a time stamp."""
        result = super().aggregate_evaluate(server_round, replies)
        self.stamps.append(time.perf_counter())
        with open(self.path, "w") as out:
            json.dump(self.stamps, out)
        return result


@app.main()
def main(grid: Grid, context: Context) -> None:
    """Runs the rounds."""
    config = context.run_config
    strategy = Stamped(min_train_nodes=2, min_evaluate_nodes=2, min_available_nodes=2)
    strategy.path, strategy.stamps = config["stamps"], []
    start = ArrayRecord([np.zeros(int(config["floats"]), dtype=np.float32)])
    strategy.start(grid=grid, initial_arrays=start, num_rounds=int(config["num-rounds"]))
