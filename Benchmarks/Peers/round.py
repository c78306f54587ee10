"""An empty round over loopback: two clients that compute nothing, 1,024 float32 values, train and evaluate.

Ours is the figure of `tributary benchmark round`: coordinator and clients over mutual TLS, updates durable. Flower is
`flower-superlink --insecure` with two `flower-supernode`, FedAvg, seconds between the ends of consecutive rounds.
NVFLARE is its simulator with the NumPy FedAvg recipe (no evaluation, no TLS), seconds between models that a client
receives. The first round of each run is not counted.
"""

import json
import os
import statistics
import subprocess
import sys

from comparison import Comparison, fail, figure, figures, options, require, scratch, show

HERE = os.path.dirname(os.path.abspath(__file__))

chosen = options(__doc__, arguments=[("rounds", 3, "rounds of each of the peers' runs, 2 or more"),
                                     ("peer", "flower,nvflare", "which peers, with commas between")])
peers = chosen.peer.split(",")
if chosen.rounds < 2 or not set(peers) <= {"flower", "nvflare"}:
    fail("--rounds must be 2 or more and --peer of flower and nvflare")
versions = {"flower": require("flwr") if "flower" in peers else "",
            "nvflare": require("nvflare") if "nvflare" in peers else ""}
from processes import Processes, free_port, wait_for  # noqa: E402


def ours():
    """Milliseconds of our empty round."""
    return figure(figures("benchmark", "round", "--part", "empty"), "empty round")


def between(stamps, what, log):
    """The median of the differences of time stamps, in milliseconds."""
    if len(stamps) != chosen.rounds:
        fail(f"{what}: found {len(stamps)} rounds, expected {chosen.rounds}; see {log}")
    return statistics.median(b - a for a, b in zip(stamps, stamps[1:])) * 1e3


def environment(folder):
    """The peers' environment: their own folders, no telemetry, their executables first on PATH."""
    return {**os.environ, "PATH": os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"],
            "FLWR_HOME": folder, "FLWR_TELEMETRY_ENABLED": "0"}


def flower(comparison):
    """Pairs with one SuperLink and two SuperNodes that stay up."""
    with scratch() as folder, Processes() as processes:
        port = free_port()
        with open(os.path.join(folder, "config.toml"), "w") as out:
            out.write(f'[superlink]\ndefault = "here"\n[superlink.here]\naddress = "127.0.0.1:{port}"\ninsecure = true\n')
        surroundings = environment(folder)
        processes.start(["flower-superlink", "--insecure", "--port", str(port),
                         "--disable-runtime-dependency-installation"], f"{folder}/superlink.log", surroundings)
        if not wait_for(port):
            fail("flower-superlink did not listen within 60 s")
        for node in range(2):
            own = free_port()
            processes.start(["flower-supernode", "--insecure", "--superlink", f"127.0.0.1:{port}", "--port", str(own),
                             "--node-config", f"partition-id={node} num-partitions=2"], f"{folder}/node{node}.log",
                            surroundings)
            if not wait_for(own):
                fail("flower-supernode did not listen within 60 s")
        for pair in range(chosen.pairs):
            first = ours()
            stamps, log = f"{folder}/stamps{pair}.json", f"{folder}/run{pair}.log"
            with open(log, "w") as out:
                run = subprocess.run(
                    ["flwr", "run", f"{HERE}/flower_app", "here", "--stream", "--run-config",
                     f"num-rounds={chosen.rounds} stamps='{stamps}'"],
                    stdout=out, stderr=subprocess.STDOUT, env=surroundings, timeout=120 + 60 * chosen.rounds)
            if run.returncode != 0 or not os.path.exists(stamps):
                with open(log) as text:
                    fail(f"flwr run ended with status {run.returncode}: {text.read()[-1000:]}")
            with open(stamps) as text:
                comparison.add(first, between(json.load(text), "Flower", log))


def nvflare(comparison):
    """Pairs with a simulator that is started for each."""
    for pair in range(chosen.pairs):
        first = ours()
        with scratch() as folder:
            stamps, log = f"{folder}/stamps", f"{folder}/log"
            with open(log, "w") as out:
                run = subprocess.run(
                    [sys.executable, f"{HERE}/nvflare_job.py", str(chosen.rounds), "1024", f"{folder}/workspace", stamps],
                    stdout=out, stderr=subprocess.STDOUT, env=environment(folder), timeout=120 + 30 * chosen.rounds)
            if run.returncode != 0 or not os.path.exists(stamps):
                with open(log) as text:
                    fail(f"NVFLARE's simulator ended with status {run.returncode}: {text.read()[-1000:]}")
            with open(stamps) as text:
                comparison.add(first, between([float(line) for line in text], "NVFLARE", log))


for name in peers:
    comparison = Comparison(f"empty round, {name}", "ms", versions[name])
    flower(comparison) if name == "flower" else nvflare(comparison)
    show([comparison], chosen)
