"""Fit measures of a maximum of the likelihood: chi-square, CFI, TLI, RMSEA, SRMR, AIC, BIC.

As lavaan defines them (Rosseel 2012, doi:10.18637/jss.v048.i02): the baseline model has free
variances and means and no covariances but those of what is taken as given, whose own likelihood is
left out throughout.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from pycore.estimation.maximum_likelihood import LikelihoodFit
from pycore.estimation.sample import Sample, Unit

__all__ = ["likelihood_measures", "saturated"]

Array = NDArray[np.float64]

_MOST_STEPS = 2000


def likelihood_measures(fit: LikelihoodFit, sample: Sample) -> dict[str, float]:
    """Measures at the maximum.

    Returns
    -------
    dict
        ``logl``, ``unrestricted_logl``, ``chisq``, ``df``, ``pvalue``, ``baseline_chisq``,
        ``baseline_df``, ``cfi``, ``tli``, ``rmsea``, ``srmr``, ``aic``, ``bic``, ``npar``, ``n``.
    """
    p, groups, n = len(sample.items), len(sample.groups), sample.respondents
    given = list(fit.plan.given)
    q = len(given)
    means = p * groups if sample.means else 0
    modelled = means if fit.plan.means == "modelled" else 0
    npar = fit.mode.z.size
    moments = groups * (p * (p + 1) - q * (q + 1)) // 2 + modelled - (q * groups if modelled else 0)
    df = moments - npar
    free = [saturated(sample, g) for g in range(groups)]
    apart = sum(_given_likelihood(sample, g, given) for g in range(groups))
    logl = fit.mode.value - apart
    top = sum(_log_likelihood(sample, g, *free[g]) for g in range(groups)) - apart
    alone = sum(
        _log_likelihood(sample, g, *_independent(sample, g, given)) for g in range(groups)
    ) - apart  # fmt: skip
    chisq = max(2 * (top - logl), 0.0)
    baseline, baseline_df = 2 * (top - alone), groups * (p * (p - 1) - q * (q - 1)) // 2
    excess, most = max(chisq - df, 0.0), max(baseline - baseline_df, chisq - df, 0.0)
    return {
        "logl": logl, "unrestricted_logl": top, "chisq": chisq, "df": float(df),
        "pvalue": float(chi2.sf(chisq, df)) if df > 0 else np.nan,
        "baseline_chisq": baseline, "baseline_df": float(baseline_df),
        "cfi": 1 - excess / most if most else 1.0,
        "tli": _tli(chisq, df, baseline, baseline_df),
        "rmsea": float(np.sqrt(excess / (n * df) * groups)) if df > 0 else 0.0,
        "srmr": _srmr(fit, sample, free), "aic": 2 * npar - 2 * logl,
        "bic": npar * float(np.log(n)) - 2 * logl, "npar": float(npar), "n": float(n),
    }  # fmt: skip


def _tli(chisq: float, df: int, baseline: float, baseline_df: int) -> float:
    if df <= 0 or not baseline_df or baseline == baseline_df:
        return 1.0
    ratio = baseline / baseline_df
    return (ratio - chisq / df) / (ratio - 1)


def _srmr(fit: LikelihoodFit, sample: Sample, free: list[tuple[Array, Array]]) -> float:
    """Root mean square of standardised residuals, groups weighted by their size."""
    total = 0.0
    for g, (level, cov) in enumerate(free):
        n = sum(u.n for u in sample.units if u.group == g)
        sd = np.sqrt(np.diag(cov))
        away = ((cov - fit.covariances[g]) / np.outer(sd, sd))[np.tril_indices(len(sd))]
        if fit.means:
            away = np.concatenate([away, (level - fit.means[g]) / sd])
        total += n / sample.respondents * float(np.sqrt((away**2).mean()))
    return total


def saturated(sample: Sample, group: int) -> tuple[Array, Array]:
    """Mean and covariance without any model; by EM where answers are missing."""
    units = [u for u in sample.units if u.group == group]
    if len(units) == 1 and units[0].observed.all():
        return units[0].mean, units[0].cov
    level = sample.centre(group)
    cov = np.diag(_variances(units, level))
    for _ in range(_MOST_STEPS):
        first, second = np.zeros(len(level)), np.zeros_like(cov)
        n = 0
        for u in units:
            seen, gone = np.flatnonzero(u.observed), np.flatnonzero(~u.observed)
            slope = np.linalg.solve(cov[np.ix_(seen, seen)], cov[np.ix_(seen, gone)]).T
            fill = np.zeros((len(level), len(seen)))
            fill[seen, np.arange(len(seen))] = 1.0
            fill[gone] = slope
            away = fill @ (u.mean[seen] - level[seen])
            first += u.n * away
            inner = fill @ u.cov[np.ix_(seen, seen)] @ fill.T + np.outer(away, away)
            inner[np.ix_(gone, gone)] += cov[np.ix_(gone, gone)] - slope @ cov[np.ix_(seen, gone)]
            second += u.n * inner
            n += u.n
        move = first / n
        renewed = second / n - np.outer(move, move)
        change = np.abs(renewed - cov).max() / np.abs(cov).max()
        level, cov = level + move, renewed
        if change < 1e-11:
            break
    return level, cov


def _variances(units: list[Unit], level: Array) -> Array:
    squares = [
        u.n * np.where(u.observed, np.diag(u.cov) + (u.mean - level) ** 2, 0.0) for u in units
    ]
    found: Array = np.sum(squares, axis=0) / sum(u.n * u.observed for u in units)
    return found


def _independent(sample: Sample, group: int, given: list[int]) -> tuple[Array, Array]:
    """Mean and covariance where only what is given covaries."""
    units = [u for u in sample.units if u.group == group]
    level = sample.centre(group)
    cov = np.diag(_variances(units, level))
    if given:
        cov[np.ix_(given, given)] = saturated(sample, group)[1][np.ix_(given, given)]
    return level, cov


def _given_likelihood(sample: Sample, group: int, given: list[int]) -> float:
    if not given:
        return 0.0
    cov = saturated(sample, group)[1]
    n = sum(u.n for u in sample.units if u.group == group)
    inside = cov[np.ix_(given, given)]
    q = len(given)
    return float(-0.5 * n * (q * np.log(2 * np.pi) + np.linalg.slogdet(inside)[1] + q))


def _log_likelihood(sample: Sample, group: int, level: Array, cov: Array) -> float:
    total = 0.0
    for u in sample.units:
        if u.group != group:
            continue
        seen = np.flatnonzero(u.observed)
        sigma = cov[np.ix_(seen, seen)]
        away = u.mean[seen] - level[seen]
        inner = u.cov[np.ix_(seen, seen)] + np.outer(away, away)
        total -= 0.5 * u.n * (
            len(seen) * np.log(2 * np.pi) + np.linalg.slogdet(sigma)[1]
            + np.trace(np.linalg.solve(sigma, inner))
        )  # fmt: skip
    return float(total)
