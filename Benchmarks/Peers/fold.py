"""The fold of a round, 16 updates of float32: ours, Flower's aggregate, and NumPy's median.

Ours are the figures of `tributary benchmark fold` for the rules mean and median: updates in files in the page cache, sums
in Float64, all cores. Theirs have the updates as arrays in memory: `aggregate` of flwr.server.strategy.aggregate, weighted
by examples, and `numpy.median` over the stacked updates (for rows of an eighth of the elements: a median takes as long for
each). The figure is the bytes of all updates over the time of the fold.
"""

import time

import numpy

from comparison import Comparison, fail, figure, figures, options, require, show

chosen = options(__doc__, arguments=[("updates", 16, "updates of the round"),
                                     ("elements", 25_000_000, "float32 values of an update"),
                                     ("rule", "mean,median", "rules, with commas between")])
rules = chosen.rule.split(",")
if not set(rules) <= {"mean", "median"}:
    fail(f"--rule: found {chosen.rule}, expected mean, median or both")
versions = require("numpy", "flwr")
from flwr.server.strategy.aggregate import aggregate  # noqa: E402


def available():
    """Bytes of memory that can be had without swapping."""
    with open("/proc/meminfo") as text:
        return next(int(line.split()[1]) * 1024 for line in text if line.startswith("MemAvailable"))


# Flower holds every update once more, each multiplied by its examples.
needed = chosen.updates * chosen.elements * 4 * 2.5
if needed > available():
    fail(f"found {available() / 1e9:.1f} GB of memory, expected {needed / 1e9:.1f} GB; take fewer --elements")
generator = numpy.random.default_rng(8)
arrays = [generator.standard_normal(chosen.elements, dtype=numpy.float32) for _ in range(chosen.updates)]


def mean():
    """Bytes and seconds of Flower's weighted mean."""
    results = [([array], examples + 1) for examples, array in enumerate(arrays)]
    start = time.perf_counter()
    aggregate(results)
    return chosen.updates * chosen.elements * 4, time.perf_counter() - start


def median():
    """Bytes and seconds of NumPy's median."""
    part = max(1, chosen.elements // 8)
    stacked = numpy.stack([array[:part] for array in arrays])
    start = time.perf_counter()
    numpy.median(stacked, axis=0)
    return stacked.nbytes, time.perf_counter() - start


for rule in rules:
    comparison = Comparison(f"fold, {rule}, {chosen.updates} x {chosen.elements} float32", "GB/s", versions, is_speed=True)
    for _ in range(chosen.pairs):
        ours = figure(figures("benchmark", "fold", "--rule", rule, "--updates", str(chosen.updates), "--elements",
                              str(chosen.elements)), f"fold, {rule}")
        size, seconds = mean() if rule == "mean" else median()
        comparison.add(ours, size / seconds / 1e9)
    show([comparison], chosen)
