#!/usr/bin/env python3
"""Makes a Tributary site folder from NumPy arrays.

    from make_site import make_site
    make_site("site", "uci-har", classes=["walking", "sitting"],
              train={"acc": train_acc, "gyro": train_gyro, "labels": train_labels},
              test={"acc": test_acc, "gyro": test_gyro, "labels": test_labels})

Every array but `labels` and `subjects` is a modality, of shape [examples, ...]; the order of the first split counts.
Each split becomes one .npz file; only NumPy is needed. `site.json` is written last, so a folder with it is complete.
"""
import json, os
import numpy as np


def make_site(folder, dataset, classes, **splits):
    os.makedirs(folder, exist_ok=True)
    names = [name for name in next(iter(splits.values())) if name not in ("labels", "subjects")]
    for split, arrays in splits.items():
        integers = {name: np.asarray(arrays[name], np.int64) for name in ("labels", "subjects") if name in arrays}
        np.savez(f"{folder}/{split}-0.npz", **{name: np.asarray(arrays[name], np.float32) for name in names}, **integers)
    first = next(iter(splits.values()))
    manifest = {"format": "tributary-site", "version": 1, "dataset": dataset, "classes": classes,
                "modalities": [{"name": name, "shape": list(np.shape(first[name])[1:])} for name in names],
                "splits": {split: [{"file": f"{split}-0.npz", "examples": len(arrays["labels"])}]
                           for split, arrays in splits.items()}}
    with open(f"{folder}/site.json", "w") as file:
        json.dump(manifest, file, indent=1)


if __name__ == "__main__":
    import sys
    random = np.random.default_rng(0)  # An example: two well separated classes in four numbers.
    labels = {"train": np.arange(80) % 2, "test": np.arange(40) % 2}
    make_site(sys.argv[1] if len(sys.argv) > 1 else "site", "two-blobs", ["left", "right"],
              **{split: {"x": random.normal(size=(len(y), 4)) + y[:, None] * 2, "labels": y} for split, y in labels.items()})
