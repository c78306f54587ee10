"""Golden values of the check of norms: `python make_norms.py > norms.json`.

Packages: scipy 1.17.1. Nothing here is random.

Quantiles and tails of the chi-square distribution, and for a few lengths the probability that a longer update is found out:
k E / length^2 above the quantile of an honest client on the bound, which is exceeded with the probability 1e-6.
"""
import json
import math

from scipy.stats import chi2

HONEST = 1e-6


def row(k):
    quantile = chi2.isf(HONEST, k)
    excess = quantile / k - 1
    return {
        "projections": k,
        "quantile": quantile,
        "allowedRatio": math.sqrt(quantile / k),
        "provenRefusal": ((1 + excess) * math.exp(-excess))**(k / 2),
        "detections": [{"ratio": r, "probability": chi2.sf(quantile / r**2, k)} for r in (1.25, 1.5, 2, 3, 10)],
        "surelyFound": math.sqrt(quantile / chi2.ppf(0.001, k)),
    }


print(json.dumps({
    "rows": [row(k) for k in (32, 64, 96, 128)],
    "tails": [{"x": x, "degrees": k, "tail": chi2.sf(x, k)}
              for x, k in ((0.5, 2), (31.0, 32), (82.0, 32), (200.0, 128), (5.0, 128), (400.0, 64))],
}, indent=1))
