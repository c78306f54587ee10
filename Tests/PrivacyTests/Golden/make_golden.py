"""Golden values of the accountants and samplers: `python make_golden.py > accountants.json`.

Packages: dp-accounting 0.6.0, prv-accountant 0.2.0, numpy 2.4.6, scipy 1.17.1. Nothing here is random.
"""
import json
import math

import dp_accounting as dp
from dp_accounting import rdp
from dp_accounting.pld import privacy_loss_distribution as pld
from prv_accountant import PRVAccountant, PoissonSubsampledGaussianMechanism

GRID = [
    # sigma, q, steps, delta
    (0.6, 0.01, 1, 1e-5), (0.6, 0.01, 100, 1e-5), (1.0, 0.01, 1, 1e-5), (1.0, 0.01, 100, 1e-6),
    (1.0, 0.01, 2000, 1e-5), (1.0, 0.1, 10, 1e-5), (1.0, 0.1, 200, 1e-6), (1.1, 10 / 105, 200, 1e-6),
    (2.0, 0.001, 2000, 1e-6), (2.0, 0.1, 200, 1e-5), (2.0, 0.5, 20, 1e-5), (5.0, 0.1, 200, 1e-6),
    (5.0, 1.0, 1, 1e-5), (5.0, 1.0, 50, 1e-6), (8.0, 1.0, 10, 1e-5), (0.8, 0.05, 50, 1e-8),
]


def renyi():
    rows = []
    for sigma, q, steps, delta in GRID:
        poisson = rdp.RdpAccountant()
        poisson.compose(dp.PoissonSampledDpEvent(q, dp.GaussianDpEvent(sigma)), steps)
        fixed = rdp.RdpAccountant(neighboring_relation=dp.NeighboringRelation.REPLACE_ONE)
        m = round(q * 100000)
        fixed.compose(dp.SampledWithoutReplacementDpEvent(100000, m, dp.GaussianDpEvent(sigma)), steps)
        rows.append({
            "sigma": sigma, "rate": q, "steps": steps, "delta": delta, "fixedRate": m / 100000,
            "poisson": poisson.get_epsilon(delta), "fixed": fixed.get_epsilon(delta),
            # Orders 1.5, 2, 5, 5.7, 32, 256
            # null where the series of a broken order does not converge.
            "orders": [value / steps if math.isfinite(value) else None for value in (
                float(poisson.rdp[list(poisson.orders).index(a)]) for a in (1.5, 2, 5, 5.7, 32, 256))],
        })
    return rows


def loss_distributions():
    rows = []
    for sigma, q, steps, delta in GRID:
        composed = pld.from_gaussian_mechanism(
            sigma, value_discretization_interval=1e-4, sampling_prob=q).self_compose(steps)
        row = {"sigma": sigma, "rate": q, "steps": steps, "delta": delta,
               "epsilon": composed.get_epsilon_for_delta(delta)}
        if q < 1 and delta > 1e-8:
            accountant = PRVAccountant(
                prvs=PoissonSubsampledGaussianMechanism(sampling_probability=q, noise_multiplier=sigma),
                eps_error=0.002 if steps > 1 else 0.001, delta_error=delta / 1e4, max_self_compositions=steps)
            low, estimate, high = accountant.compute_epsilon(delta=delta, num_self_compositions=[steps])
            row["prv"] = [float(low), float(estimate), float(high)]
        rows.append(row)
    return rows


def mixed():
    """Two settings after each other: 50 rounds of (1, 0.05) and 30 of (1.5, 0.1), delta 1e-5."""
    accountant = rdp.RdpAccountant()
    accountant.compose(dp.PoissonSampledDpEvent(0.05, dp.GaussianDpEvent(1.0)), 50)
    accountant.compose(dp.PoissonSampledDpEvent(0.1, dp.GaussianDpEvent(1.5)), 30)
    composed = pld.from_gaussian_mechanism(1.0, value_discretization_interval=1e-4, sampling_prob=0.05).self_compose(
        50).compose(pld.from_gaussian_mechanism(
            1.5, value_discretization_interval=1e-4, sampling_prob=0.1).self_compose(30))
    return {"renyi": accountant.get_epsilon(1e-5), "loss": composed.get_epsilon_for_delta(1e-5)}


def trees():
    """One participation, no restart: Kairouz et al. (2021), appendix D."""
    rows = []
    for sigma, steps, delta in [(2.0, 1, 1e-5), (4.0, 100, 1e-5), (6.0, 128, 1e-6), (10.0, 2000, 1e-5)]:
        accountant = rdp.RdpAccountant(neighboring_relation=dp.NeighboringRelation.REPLACE_SPECIAL)
        accountant.compose(dp.SingleEpochTreeAggregationDpEvent(sigma, steps))
        rows.append({"sigma": sigma, "steps": steps, "delta": delta, "epsilon": accountant.get_epsilon(delta)})
    return rows


def sensitivities():
    """Largest sum over the nodes of a complete binary tree of (participations below it)^2, by trying all schedules."""
    rows = []
    for steps in (1, 2, 3, 5, 8, 13, 16):
        for gap in (1, 2, 3, 5):
            best = 0
            for bits in range(1, 1 << steps):
                at = [t for t in range(steps) if bits >> t & 1]
                if any(b - a < gap for a, b in zip(at, at[1:])):
                    continue
                total = 0
                width = 1
                while width <= steps:
                    for node in range(steps // width):
                        total += sum(node * width <= t < (node + 1) * width for t in at) ** 2
                    width *= 2
                best = max(best, total)
            rows.append({"steps": steps, "gap": gap, "squared": best})
    return rows


def discrete_gaussian():
    """Probabilities of |k| = 0, 1, 2, ... under the discrete Gaussian."""
    rows = []
    for sigma in (1, 3):
        values = [math.exp(-k * k / (2 * sigma * sigma)) for k in range(-40, 41)]
        total = sum(values)
        rows.append({"sigma": sigma, "probabilities": [
            (values[40] if k == 0 else 2 * values[40 + k]) / total for k in range(0, 6 * sigma)]})
    return rows


def plan():
    """Noise multipliers for epsilon 2 at delta 1e-6 after 200 rounds."""
    def solve(accountant, event):
        return dp.calibrate_dp_mechanism(accountant, event, 2.0, 1e-6, dp.ExplicitBracketInterval(0.3, 60), tol=1e-6)
    return {
        "poisson": solve(rdp.RdpAccountant, lambda s: dp.SelfComposedDpEvent(
            dp.PoissonSampledDpEvent(10 / 105, dp.GaussianDpEvent(s)), 200)),
        # The sum of clipped updates changes by 2 C when one client is replaced: noise s C is s / 2 of that.
        "fixed": solve(lambda: rdp.RdpAccountant(neighboring_relation=dp.NeighboringRelation.REPLACE_ONE),
                       lambda s: dp.SelfComposedDpEvent(
                           dp.SampledWithoutReplacementDpEvent(105, 10, dp.GaussianDpEvent(s / 2)), 200)),
    }


print(json.dumps({
    "renyi": renyi(), "loss": loss_distributions(), "mixed": mixed(), "trees": trees(),
    "sensitivities": sensitivities(), "discreteGaussian": discrete_gaussian(), "plan": plan(),
}, indent=1))
