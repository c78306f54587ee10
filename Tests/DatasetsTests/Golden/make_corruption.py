"""Golden values of the faithful corruption simulator, with NumPy's own legacy generator.

Usage: python3 make_corruption.py [UCI-HAR folder with partition_alpha50.json] > corruption.json

What is simulated is written down in FaithfulCorruption.swift. The seeds are the clients' positions in the
benchmark's partition of UCI-HAR: two entries for the held-out splits, then the clients, hence 2 ... 106. Summary lines
on standard error can be compared with what is known of the benchmark: of 105 clients, 8/20/27/36/49 lack the
accelerometer, 11/21/32/38/50 the gyroscope, 1/3/6/11/24 both, at 10 to 50 %; 84/63/39/21/0 clients keep every class at
10 to 50 % label errors; the classes' flip rates are .090/.197/.313/.408/.513; a third of the off-diagonal is zero.
Needs NumPy only; made with 2.4.6.
"""

import json
import sys

import numpy as np

CLIENTS = range(2, 107)
RATES = [0.1, 0.2, 0.3, 0.4, 0.5]


def uniforms(seed, count):
    return np.random.RandomState(seed % 2**32).random_sample(count)


def noise_matrix(client, classes, error, sparsity=0.4):
    random = np.random.RandomState(client)
    keep = 1 - error
    cells = np.full(classes * classes, keep)

    def is_diagonal(cell):
        return cell % (classes + 1) == 0

    for cell in random.choice(classes * classes, round(classes * (classes - 1) * sparsity)):
        while is_diagonal(cell):
            cell = random.choice(classes * classes, 1)[0]
        cells[cell] = 0
    free = [cell for cell in range(len(cells)) if cells[cell] != 0 and not is_diagonal(cell)]
    for row in range(classes):
        window = cells[4 * row : 4 * row + 4]  # a view: the benchmark's rows have length 4 whatever K is
        full = np.flatnonzero(window)
        if len(full) == 2:
            spared = [position for position in full if position != row * (classes + 1)][0]
            free = [cell for cell in free if cell != spared]
        if len(full) == 1:
            gap = np.flatnonzero(window == 0)[0]
            window[gap], cells[free[0]] = cells[free[0]], window[gap]
            free = free[1:]
    matrix = cells.reshape(classes, classes)
    for row in range(classes):
        others = [column for column in np.flatnonzero(matrix[row]) if column != row]
        matrix[row, others] = error / len(others) if others else 0
        matrix[row, row] = keep
    return matrix


def class_map(client, classes, error):
    """Every sample seeds the generator anew, so one draw decides for all samples of a class."""
    if classes == 2:
        flips = uniforms(client, 1)[0] > 1 - error
        return [1, 0] if flips else [0, 1]
    matrix = noise_matrix(client, classes, error)
    return [int(np.random.RandomState(client).choice(classes, p=matrix[label])) for label in range(classes)]


def main():
    golden = {"missingModality": {}, "missingLabels": {}, "classMaps": {}, "matrices": {}}
    for rate in RATES:
        sets = [[i for i in CLIENTS if uniforms(m * i, 1)[0] > 1 - rate] for m in (1, 2, 3)]
        golden["missingModality"][str(rate)] = sets
        print("missing", rate, len(sets[0]), len(sets[1]), len(set(sets[0]) & set(sets[1])), file=sys.stderr)
    for client in (2, 3, 57, 106):
        golden["missingLabels"][str(client)] = [int(j) for j in np.flatnonzero(uniforms(client, 700) > 1 - 0.3)][-9:]
    for classes in (2, 4, 6, 8):
        for rate in RATES:
            maps = [class_map(i, classes, rate) for i in CLIENTS]
            golden["classMaps"][f"{classes} {rate}"] = ["".join(map(str, one)) for one in maps]
            if classes == 6:
                same = sum(one == list(range(classes)) for one in maps)
                flips = np.mean([[a != b for a, b in enumerate(one)] for one in maps])
                print("labels", rate, "unchanged", same, "flip rate", round(float(flips), 4), file=sys.stderr)
    golden["classMap51"] = class_map(7, 51, 0.4)
    for client in (2, 3, 57, 106):
        golden["matrices"][str(client)] = [[round(float(v), 12) for v in row] for row in noise_matrix(client, 6, 0.3)]
    if len(sys.argv) > 1:
        folder = sys.argv[1]
        labels = [int(line) - 1 for line in open(f"{folder}/train/y_train.txt")]
        shards = [rows for name, rows in json.load(open(f"{folder}/partition_alpha50.json")).items() if name != "dev"]
        flipped = {}
        for rate in RATES:
            maps = [class_map(i, 6, rate) for i in CLIENTS]
            flipped[str(rate)] = sum(
                one[labels[row]] != labels[row] for one, rows in zip(maps, shards) for row in rows)
        skipped = {i for i in CLIENTS if all(uniforms(m * i, 1)[0] > 0.7 for m in (1, 2))}
        kept = sum(
            int((uniforms(i, len(rows)) <= 0.8).sum()) for i, rows in zip(CLIENTS, shards) if i not in skipped)
        golden["alpha50"] = {"flipped": flipped, "kept": kept, "skipped": sorted(skipped)}
    json.dump(golden, sys.stdout, separators=(",", ":"), sort_keys=True)
    print()


main()
