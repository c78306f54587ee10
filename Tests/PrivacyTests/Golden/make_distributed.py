"""Golden values of distributed noise: `python make_distributed.py > distributed.json`.

Packages: dp-accounting 0.6.0, numpy. Nothing here is random.

The formulas are those of Kairouz, Liu, Steinke, "The distributed discrete Gaussian mechanism" (ICML 2021), theorem 1 and
proposition 14, written down from the paper. `exact` looks at what they bound: the sum of n discrete Gaussians is made by
convolution, and its Renyi divergence from itself moved by a whole number is summed term by term.
"""
import json
import math

import dp_accounting as dp
import numpy as np
from dp_accounting import rdp

WRAP = 2.0**-40


def excess(sigma, n):
    return 10 * math.fsum(math.exp(-2 * math.pi**2 * sigma**2 * k / (k + 1)) for k in range(1, n))


def plan(clip, z, cohort, n, d, box=None):
    box = min(box or clip, clip)
    local = z * clip / math.sqrt(n)
    tail = math.sqrt(2 * cohort * math.log(2 * d / WRAP))
    for exponent in range(20, 0, -1):
        sigma = 2**exponent
        gamma = local / sigma
        if cohort * math.ceil(box / gamma) + sigma * tail <= 2**31 - 1:
            break
    else:
        return None
    c = clip / gamma
    squared = min((c + math.sqrt(d))**2, c**2 + d / 4 + math.sqrt(2 * 0.5) * (c + math.sqrt(d) / 2))
    tau = excess(sigma, n)
    ratio = math.sqrt(squared) / (sigma * math.sqrt(n))
    epsilon = min(math.sqrt(ratio**2 + 2 * tau * d), ratio + tau * math.sqrt(d))
    return {"sigma": sigma, "step": gamma, "limit": math.ceil(box / gamma), "norm": math.sqrt(squared), "excess": tau,
            "multiplier": 1 / epsilon}


def plans():
    rows = []
    for clip, z, cohort, n, d, box, rounds, delta in [
        (1.0, 1.0, 100, 70, 5000, None, 20, 1e-5), (0.5, 4.0, 20, 12, 4614, None, 10, 1e-3),
        (1.0, 0.5, 1000, 600, 25_000_000, None, 50, 1e-6), (2.0, 8.0, 60000, 30000, 1_000_000, None, 100, 1e-8),
        (1.0, 1.0, 200_000, 150_000, 100_000, None, 5, 1e-7), (1.0, 1.0, 200_000, 150_000, 100_000, 0.01, 5, 1e-7),
        (1.0, 2.0, 3, 1, 50, None, 1, 1e-5),
    ]:
        row = {"clip": clip, "multiplierOfSum": z, "cohort": cohort, "contributors": n, "parameters": d, "range": box,
               "rounds": rounds, "delta": delta, "plan": plan(clip, z, cohort, n, d, box)}
        accountant = rdp.RdpAccountant()
        accountant.compose(dp.GaussianDpEvent(row["plan"]["multiplier"]), rounds)
        row["epsilon"] = accountant.get_epsilon(delta)
        rows.append(row)
    return rows


def exact():
    rows = []
    for sigma, n in [(0.5, 2), (0.5, 5), (0.6, 3), (0.75, 4), (1.0, 3)]:
        k = np.arange(-60, 61)
        single = np.exp(-k**2 / (2 * sigma**2))
        single /= single.sum()
        total = single
        for _ in range(n - 1):
            total = np.convolve(total, single)
        for order in (2, 8):
            for move in (1, 2):
                p, q = total[move:], total[:-move]
                keep = (p > 1e-200) & (q > 1e-200)
                terms = order * np.log(p[keep]) + (1 - order) * np.log(q[keep])
                value = (terms.max() + math.log(np.sum(np.exp(terms - terms.max())))) / (order - 1)
                rows.append({"sigma": sigma, "count": n, "order": order, "move": move, "divergence": value,
                             "excess": excess(sigma, n)})
    return rows


print(json.dumps({"plans": plans(), "exact": exact()}, indent=1))
