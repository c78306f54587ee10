"""What every comparison script shares: finding both sides, running them in turn, and printing ratios.

A script measures `ours` and `theirs` in turn, so many pairs, and divides within a pair: whatever else slows the machine
down slows both sides of a pair.
"""

import argparse
import importlib
import importlib.metadata
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile


def fail(message):
    """Ends the script with a message for people."""
    print(f"compare: {message}", file=sys.stderr)
    sys.exit(1)


def require(*packages):
    """Checks that the packages can be imported and gives their versions as one text."""
    versions = []
    for package in packages:
        try:
            importlib.import_module(package)
        except ImportError as error:
            fail(f"the Python package {package} cannot be imported ({error}); "
                 f"install Benchmarks/Peers/requirements.txt or let Benchmarks/compare make its environment")
        versions.append(f"{package} {importlib.metadata.version(package)}")
    return ", ".join(versions)


def binary(name="tributary"):
    """The path of one of our executables: in the folder TRIBUTARY_BIN, or on PATH."""
    folder = os.environ.get("TRIBUTARY_BIN")
    found = shutil.which(name, path=folder) if folder else shutil.which(name)
    if not found:
        where = f"the folder {folder} (TRIBUTARY_BIN)" if folder else "PATH; TRIBUTARY_BIN can name its folder"
        fail(f"found no executable {name} in {where}")
    return found


def figures(*arguments, environment=None):
    """The figures that `tributary ARGUMENTS --json` prints."""
    command = [binary(), *arguments, "--json"]
    run = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **(environment or {})})
    if run.returncode != 0:
        lines = run.stderr.strip().splitlines() or ["no message"]
        said = next((line for line in lines if line.startswith("Error")), lines[-1])
        fail(f"`{' '.join(['tributary', *arguments, '--json'])}` ended with status {run.returncode}: {said}")
    return [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]


def figure(found, *words):
    """The value of the first figure whose name holds all words."""
    for item in found:
        if all(word in item["name"] for word in words):
            return item["value"]
    fail(f"found the figures {[item['name'] for item in found]}, expected one whose name holds {list(words)}")


def summary(values):
    """Median, smallest and largest."""
    return {"value": statistics.median(values), "low": min(values), "high": max(values)}


class Comparison:
    """Pairs of one figure, ours and a peer's, taken in turn; less is better unless it is a speed."""

    def __init__(self, name, unit, peer, is_speed=False):
        self.name, self.unit, self.peer, self.is_speed = name, unit, peer, is_speed
        self.ours, self.theirs = [], []

    def add(self, ours, theirs):
        """One pair, in `unit`."""
        self.ours.append(ours)
        self.theirs.append(theirs)

    def result(self):
        """The pairs in short: medians with their spread, and the ratios ours / theirs taken pair by pair."""
        return {
            "name": self.name, "unit": self.unit, "peer": self.peer, "pairs": len(self.ours),
            "ours": summary(self.ours), "theirs": summary(self.theirs),
            "ratio": summary([a / b for a, b in zip(self.ours, self.theirs)]),
            "better": "more" if self.is_speed else "less",
        }

    def text(self):
        """The result as lines for people."""
        result = self.result()

        def show(part):
            return f"{part['value']:.4g} ({part['low']:.4g} to {part['high']:.4g})"

        return "\n".join([
            f"{self.name}",
            f"    ours    {show(result['ours'])} {self.unit}",
            f"    theirs  {show(result['theirs'])} {self.unit}, {self.peer}",
            f"    ours / theirs {show(result['ratio'])} over {result['pairs']} pairs; {result['better']} is better",
        ])


def options(description, pairs=5, arguments=()):
    """Reads the command line: --pairs, --json and the script's own arguments as (name, default, help)."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--pairs", type=int, default=pairs, help=f"pairs of runs (default {pairs})")
    parser.add_argument("--json", action="store_true", help="print one JSON object a comparison")
    for name, default, text in arguments:
        parser.add_argument(f"--{name}", type=type(default), default=default, help=f"{text} (default {default})")
    chosen = parser.parse_args()
    if chosen.pairs < 1:
        parser.error(f"--pairs: found {chosen.pairs}, expected 1 or more")
    if not chosen.json:
        print(description)
    return chosen


def show_machine():
    """The machine and how busy it was."""
    return {"system": platform.platform(), "cores": os.cpu_count(), "load": round(os.getloadavg()[0], 2)}


def show(comparisons, chosen):
    """Prints comparisons as lines or, with --json, one object each with the machine it was measured on."""
    for item in comparisons:
        print(json.dumps({**item.result(), "machine": show_machine()}) if chosen.json else item.text(), flush=True)


def scratch():
    """A temporary folder that goes when the script ends."""
    return tempfile.TemporaryDirectory(prefix="tributary-compare-")
