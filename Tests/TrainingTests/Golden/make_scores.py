"""Makes scores.json: metrics of random scores as scikit-learn computes them, and the calibration error by NumPy.

    python3 make_scores.py        (seed 8; made with scikit-learn 1.9.1)

scikit-learn sees the scores themselves: the area under the curve is the exact one. Scores are rounded to 1/64 in one
case, so that there are ties.
"""
import json
import pathlib

import numpy as np
from sklearn.metrics import (
    accuracy_score, balanced_accuracy_score, f1_score, roc_auc_score, top_k_accuracy_score)

BINS = 15
rng = np.random.default_rng(8)


def softmax(logits):
    odds = np.exp(logits - logits.max(1, keepdims=True))
    return odds / odds.sum(1, keepdims=True)


def calibration(probabilities, labels):
    """The sum over bins ((b)/15, (b+1)/15] of n_b/n |accuracy_b - confidence_b|."""
    confidence, answers = probabilities.max(1), probabilities.argmax(1)
    edges = np.linspace(0, 1, BINS + 1)
    error = 0.0
    for low, high in zip(edges[:-1], edges[1:]):
        inside = (confidence > low) & (confidence <= high)
        if inside.any():
            gap = abs((answers[inside] == labels[inside]).mean() - confidence[inside].mean())
            error += inside.mean() * gap
    return error


def single(name, classes, count, scale, grain=None):
    labels = rng.integers(0, classes, count)
    logits = rng.normal(size=(count, classes)) * scale
    logits[np.arange(count), labels] += scale
    if grain:
        logits = np.round(logits / grain) * grain
    logits = logits.astype("f4").astype("f8")
    p = softmax(logits)
    expected = {
        "accuracy": accuracy_score(labels, logits.argmax(1)),
        "macroF1": f1_score(labels, logits.argmax(1), average="macro"),
        "UAR": balanced_accuracy_score(labels, logits.argmax(1)),
        "ECE": calibration(p, labels),
    }
    if classes == 2:
        expected["AUC"] = roc_auc_score(labels, p[:, 1])
        expected["AUCFaithful"] = roc_auc_score(labels, logits.argmax(1))
    elif len(set(labels)) == classes:
        expected["AUC"] = roc_auc_score(labels, p, multi_class="ovr", average="macro")
    if classes > 5:
        expected["top5"] = top_k_accuracy_score(labels, logits, k=5, labels=range(classes))
    return {"name": name, "classes": classes, "scores": logits.flatten().tolist(), "labels": labels.tolist(),
            "expected": {key: float(value) for key, value in expected.items()}}


def several(name, classes, count):
    targets = (rng.random((count, classes)) < 0.3).astype(int)
    logits = (rng.normal(size=(count, classes)) * 2 + 2 * targets - 1).astype("f4").astype("f8")
    targets[:, 3] = 0  # a class that nobody has, and that is given now and then
    targets[:, 4] = 0
    logits[:, 4] = -1  # a class that nobody has and that is never given: it does not count
    given = (1 / (1 + np.exp(-logits)) > 0.5).astype(int)
    counted = [k for k in range(classes) if targets[:, k].any() or given[:, k].any()]
    ranked = [k for k in range(classes) if 0 < targets[:, k].sum() < count]
    expected = {
        "accuracy": accuracy_score(targets, given),
        "macroF1": np.mean([f1_score(targets[:, k], given[:, k], zero_division=0) for k in counted]),
        "AUC": roc_auc_score(targets[:, ranked], logits[:, ranked], average="macro"),
    }
    return {"name": name, "classes": classes, "scores": logits.flatten().tolist(), "targets": targets.flatten().tolist(),
            "expected": {key: float(value) for key, value in expected.items()}}


cases = [
    single("two", 2, 150, 1.0), single("two, with ties", 2, 150, 0.5, 1 / 64), single("two, far apart", 2, 150, 12.0),
    single("six", 6, 150, 1.5), single("twelve", 12, 100, 1.0), several("several", 6, 120),
]
for case in cases:
    case["scores"] = [round(value, 9) for value in case["scores"]]
path = pathlib.Path(__file__).with_name("scores.json")
path.write_text(json.dumps(cases, separators=(",", ":")) + "\n")
