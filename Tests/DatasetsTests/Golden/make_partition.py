"""Prints the partitions of FedMultimodalPartitionTests and FedMultimodalFormsTests as JSON: the scheme written with NumPy alone
(any NumPy >= 1.17).

Two subjects of 150 rows each, in turn; row r has label (r * r // 7 + r // 11) % 4. Written from the description of the scheme, to
check it where the benchmark's published partition does not reach: many clients, and small alpha.
"""
import json

import numpy as np


def shards(rows, labels, clients, alpha, minimum):
    state = np.random.RandomState(8)
    own = np.array([labels[r] for r in rows])
    attempts = 0
    while True:
        attempts += 1
        result = [[] for _ in range(clients)]
        for label in range(len(set(own.tolist()))):
            positions = np.where(own == label)[0]
            state.shuffle(positions)
            share = state.dirichlet(np.full(clients, alpha))
            share = np.array([p * (len(s) < len(rows) / clients) for p, s in zip(share, result)])
            share = share / share.sum()
            cuts = (np.cumsum(share) * len(positions)).astype(int)[:-1]
            for shard, piece in zip(result, np.split(positions, cuts)):
                shard += [rows[p] for p in piece]
        if min(len(s) for s in result) >= minimum:
            return result, attempts


def partition(clients, alpha, minimum):
    # Every subject has all four classes: the benchmark's code loses rows otherwise.
    labels = [(r * r // 7 + r // 11) % 4 for r in range(300)]
    result, tries = {"dev": []}, []
    for subject in (0, 1):
        rows = sorted(range(subject, 300, 2), key=str)
        order = np.random.RandomState(8).permutation(len(rows))
        held = len(rows) // 5
        result["dev"] += [rows[i] for i in order[:held]]
        dealt, attempts = shards([rows[i] for i in order[held:]], labels, clients, alpha, minimum)
        tries.append(attempts)
        result.update({f"{subject}-{c}": s for c, s in enumerate(dealt)})
    assert sorted(sum(result.values(), [])) == list(range(300))
    return result, tries


for clients, alpha, minimum in ((12, 1.0, 6), (3, 0.05, 25)):
    result, tries = partition(clients, alpha, minimum)
    print(clients, alpha, minimum, "attempts", tries)
    print(json.dumps(result, separators=(",", ":")))


def held_out(rows):
    """The fifth for dev and the rest, of rows in the order of their keys."""
    order = np.random.RandomState(8).permutation(len(rows))
    held = len(rows) // 5
    return [rows[i] for i in order[:held]], [rows[i] for i in order[held:]]


# One draw over all rows, and subjects as clients: 120 rows, row r of class (r * r // 7 + r // 11) % 4 and subject r * r % 5.
labels = [(r * r // 7 + r // 11) % 4 for r in range(120)]
for has_dev in (True, False):
    dev, train = held_out(list(range(120))) if has_dev else ([], list(range(120)))
    dealt, attempts = shards(train, labels, 9, 0.5, 3)
    result = {"dev": dev} if has_dev else {}
    result.update({str(c): s for c, s in enumerate(dealt)})
    print("global, dev", has_dev, "attempts", attempts)
    print(json.dumps(result, separators=(",", ":")))
result, clients = {"dev": []}, {}
for subject in sorted({r * r % 5 for r in range(120)}):
    rows = sorted((r for r in range(120) if r * r % 5 == subject), key=str)
    if len(rows) >= 30:
        dev, clients[f"p-{subject}"] = held_out(rows)
        result["dev"] += dev
print("natural")
print(json.dumps(result | clients, separators=(",", ":")))
