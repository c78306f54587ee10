#!/usr/bin/env python3
"""Table and plot of runs under the virtual clock: how long they took to an accuracy, and what it cost.

    compare.py TARGET PLOT.svg NAME=RUN,RUN,... NAME=...

RUN is an output folder of `tributary simulate` with one seed. Everything is counted up to the first evaluation that reaches the
target. The plot has the mean accuracy of the runs of each name over simulated time, and their range.
"""
import json, statistics, sys
from pathlib import Path

COLOURS = ["#4269d0", "#efb118", "#3ca951", "#ff725c", "#a463f2"]


def read(folder):
    """Per round: time, client seconds, wasted seconds, bytes, staleness, accuracy."""
    rounds, accuracy = {}, {}
    for path in sorted(Path(folder).rglob("metrics.jsonl")):
        for line in path.read_text().splitlines():
            row = json.loads(line)
            if row["split"] == "train":
                rounds[row["round"]] = row
            elif row["split"] == "test":
                accuracy[row["round"]] = row["metrics"]["accuracy"]
    found, total = [], [0.0] * 5
    for number in sorted(rounds):
        clock = rounds[number]["clock"]
        total = [a + b for a, b in zip(total, (clock["clientSeconds"], clock["wastedSeconds"],
                                               clock["bytesDown"] + clock["bytesUp"], clock["late"], clock["cancelled"]))]
        ages = list((rounds[number].get("staleness") or {}).values())
        found.append((clock["time"], *total, ages, accuracy[number]))
    return found


def spread(values, digits=0):
    text = f"{statistics.mean(values):.{digits}f}"
    return text if len(values) < 2 else f"{text} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def table(target, groups):
    print(f"| | s until {target} | rounds or versions | client seconds | wasted | MiB carried | staleness |")
    print("|---|---|---|---|---|---|---|")
    for name, runs in groups:
        ends = [next((i for i, row in enumerate(run) if row[7] >= target), None) for run in runs]
        reached = [run[end] for run, end in zip(runs, ends) if end is not None]
        cells = [name]
        if reached:
            ages = [age for run, end in zip(runs, ends) if end is not None for row in run[:end + 1] for age in row[6]]
            cells += [spread([row[0] for row in reached]), spread([end + 1 for end in ends if end is not None]),
                      spread([row[1] for row in reached]),
                      spread([100 * row[2] / row[1] for row in reached], 1) + " %",
                      spread([row[3] / 2**20 for row in reached]),
                      f"{statistics.mean(ages):.2f}, at most {max(ages)}" if ages else ""]
        else:
            cells += ["not reached"] + [""] * 5
        if 0 < len(reached) < len(runs):
            cells[1] += f", {len(reached)} of {len(runs)} runs"
        print("| " + " | ".join(cells) + " |")


def plot(path, target, groups):
    width, height, left, bottom, top, right = 760, 400, 60, 50, 20, 20
    end = max(min(run[-1][0] for run in runs) for _, runs in groups)
    x = lambda time: left + (width - left - right) * time / end
    y = lambda value: height - bottom - (height - bottom - top) * value
    at = lambda run, time: next((row[7] for row in reversed(run) if row[0] <= time), None)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
           f'<rect width="{width}" height="{height}" fill="white"/>']
    for tick in range(0, 11, 2):
        out.append(f'<path d="M{left} {y(tick / 10):.1f}H{width - right}" stroke="#ddd"/>'
                   f'<text x="{left - 8}" y="{y(tick / 10) + 4:.1f}" text-anchor="end">{tick / 10}</text>')
    step = 2000 if end > 6000 else 1000
    for tick in range(0, int(end) + 1, step):
        out.append(f'<text x="{x(tick):.1f}" y="{height - bottom + 18}" text-anchor="middle">{tick}</text>')
    out.append(f'<text x="{(left + width) / 2}" y="{height - 10}" text-anchor="middle">simulated seconds</text>'
               f'<text x="14" y="{height / 2}" text-anchor="middle" transform="rotate(-90 14 {height / 2})">accuracy</text>'
               f'<path d="M{left} {y(target):.1f}H{width - right}" stroke="#888" stroke-dasharray="4 4"/>')
    for (name, runs), colour in zip(groups, COLOURS):
        # As long as all runs go on.
        until = min(run[-1][0] for run in runs)
        times = sorted({row[0] for run in runs for row in run if row[0] <= until})
        values = [(time, [at(run, time) for run in runs]) for time in times]
        values = [(time, each) for time, each in values if None not in each]
        band = [f"{x(t):.1f},{y(max(v)):.1f}" for t, v in values] + [f"{x(t):.1f},{y(min(v)):.1f}" for t, v in reversed(values)]
        line = " ".join(f"{x(t):.1f},{y(statistics.mean(v)):.1f}" for t, v in values)
        out.append(f'<polygon points="{" ".join(band)}" fill="{colour}" opacity="0.15"/>'
                   f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>')
    for index, ((name, _), colour) in enumerate(zip(groups, COLOURS)):
        row = height - bottom - 20 - 18 * (len(groups) - 1 - index)
        out.append(f'<rect x="{width - 200}" y="{row - 9}" width="14" height="10" fill="{colour}"/>'
                   f'<text x="{width - 180}" y="{row}">{name}</text>')
    Path(path).write_text("\n".join(out) + "\n</svg>\n")


def main():
    target, path = float(sys.argv[1]), sys.argv[2]
    groups = [(name, [read(run) for run in runs.split(",")]) for name, runs in (a.split("=", 1) for a in sys.argv[3:])]
    table(target, groups)
    plot(path, target, groups)


main()
