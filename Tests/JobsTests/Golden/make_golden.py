"""Writes ../MetricsGolden.swift: metrics of random confusion matrices as scikit-learn computes them.

Run with scikit-learn installed (made with 1.9.1): python3 make_golden.py
"""

import pathlib

import numpy as np
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score

SEED = 20240817
SHAPES = [
    # classes, examples, classes that never occur in truth, classes that are never predicted
    (2, 40, [], []),
    (6, 300, [], []),
    (6, 120, [2], []),
    (6, 120, [], [4]),
    (5, 80, [1, 3], [1]),
    (3, 25, [0], [1, 2]),
    (1, 7, [], []),
    (12, 2947, [], []),
]


def draw(generator, classes, count, missing):
    allowed = [label for label in range(classes) if label not in missing]
    return generator.choice(allowed, size=count)


def main():
    generator = np.random.default_rng(SEED)
    cases = []
    for classes, count, untrue, unpredicted in SHAPES:
        truth = draw(generator, classes, count, untrue)
        guess = np.where(
            (generator.random(count) < 0.6) & ~np.isin(truth, unpredicted),
            truth,
            draw(generator, classes, count, unpredicted),
        )
        confusion = np.zeros((classes, classes), dtype=int)
        np.add.at(confusion, (truth, guess), 1)
        rows = ", ".join(str([int(value) for value in row]) for row in confusion)
        # Without `labels` scikit-learn averages over the classes that occur in truth or prediction.
        recalls = [
            confusion[label, label] / confusion[label].sum()
            for label in range(classes)
            if confusion[label].sum() > 0
        ]
        balanced = float(np.mean(recalls))
        if len(set(truth)) == len(set(truth) | set(guess)):
            assert abs(balanced - balanced_accuracy_score(truth, guess)) < 1e-15
        cases.append(
            f"    MetricsGolden(\n"
            f"        confusion: [{rows}],\n"
            f"        accuracy: {float(accuracy_score(truth, guess))!r},\n"
            f"        macroF1: {float(f1_score(truth, guess, average='macro', zero_division=0))!r},\n"
            f"        unweightedRecall: {balanced!r},\n"
            f"        weightedF1: {float(f1_score(truth, guess, average='weighted', zero_division=0))!r}),"
        )
    text = (
        "// Made by Golden/make_golden.py with scikit-learn; do not edit.\n"
        "// swift-format-ignore-file\n\n"
        "struct MetricsGolden: Sendable {\n"
        "    var confusion: [[Int]]\n"
        "    var accuracy: Double\n"
        "    var macroF1: Double\n"
        "    var unweightedRecall: Double\n"
        "    var weightedF1: Double\n"
        "}\n\n"
        "let metricsGolden: [MetricsGolden] = [\n" + "\n".join(cases) + "\n]\n"
    )
    pathlib.Path(__file__).parent.parent.joinpath("MetricsGolden.swift").write_text(text)


if __name__ == "__main__":
    main()
