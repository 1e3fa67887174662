"""What a model's moments cannot tell apart, and what a solution should not look like."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pycore.estimation.plan import Plan
from pycore.estimation.quantities import implied, item_means, systems

if TYPE_CHECKING:
    from pycore.estimation.maximum_likelihood import LikelihoodFit

__all__ = ["improper", "told_apart_by_priors", "unidentified"]

_CLOSE = 0.95

_STEP = 1e-4
_RANK = 1e-6
_JITTER = 0.15  # relative; at equal loadings, or a path of 0, products lose derivatives


def unidentified(plan: Plan) -> tuple[str, ...]:
    """Model parameters in the null space of the derivative of all implied moments.

    Loadings, errors, trait deviations and correlations count as free too, so a parameter that they
    can stand in for is named as well.  Taken near the declared values.
    """
    rng = np.random.default_rng(0)
    base: dict[str, float] = {}
    for free in plan.free:
        declared = plan.forms[0].values.get(free.name)
        for k in range(free.size):
            value = free.start if declared is None else declared
            value = 0.13 if abs(value) < 1e-3 else value
            base[free[k].name] = value * (1 + _JITTER * rng.uniform(-1, 1))
    base |= {name: 0.2 + 0.05 * rng.uniform(-1, 1) for name in plan.entries if name not in base}
    said_elsewhere = _beyond_moments(plan)
    names = [n for n in base if n not in said_elsewhere]
    count = len(names)
    # Every point of every difference at once: entry k up in row k, down in row K + k.
    points = {n: np.full(max(2 * count, 1), v) for n, v in base.items()}
    for k, name in enumerate(names):
        points[name][[k, count + k]] += [_STEP, -_STEP]
    found = []
    for system in systems(plan, points):
        items = implied(system)[1]
        rows, below = np.tril_indices(items.shape[-1])
        found.append(items[:, rows, below])
        if plan.means == "modelled":
            found.append(item_means(system))
    moments = np.concatenate(found, axis=1)
    matrix = ((moments[:count] - moments[count:]) / (2 * _STEP)).T
    size = np.linalg.norm(matrix, axis=0)
    matrix = matrix / np.where(size > 0, size, 1.0)
    _, singular, directions = np.linalg.svd(matrix, full_matrices=True)
    null = directions[int((singular > _RANK * max(float(singular[0]), 1e-300)).sum()) :]
    loose = {names[k] for k in range(count) if (np.abs(null[:, k]) > 1e-3).any()}
    return tuple(
        name for name, expressions in plan.parameters.items()
        if loose & {s.name for e in expressions for s in e.free_symbols}
    )  # fmt: skip


def _beyond_moments(plan: Plan) -> set[str]:
    """Free quantities that only outcomes, products or thresholds read."""
    inside: set[str] = set()
    beyond: set[str] = set()
    for g, own in enumerate(plan.matrices):
        for block, entries in own.items():
            for (i, _), entry in entries.items():
                outcome = block in ("loading", "intercept", "error") and i >= len(plan.items)
                (beyond if outcome else inside).update(s.name for s in entry.free_symbols)
        if plan.further:
            beyond.update(s.name for entry in plan.further[g] for s in entry.free_symbols)
    return beyond - inside


def told_apart_by_priors(loose: tuple[str, ...]) -> list[str]:
    """The warning of what :func:`unidentified` found."""
    if not loose:
        return []
    return [
        f"data cannot tell apart {', '.join(loose)}: their posterior is what the priors make of it; "
        "hold some of them fixed with priors={name: number}"
    ]


def improper(
    plan: Plan, latents: list[NDArray[np.float64]], fit: LikelihoodFit | None = None
) -> list[str]:
    """Warnings, by name: states that are nearly the same, and variances below 0.

    Parameters
    ----------
    plan : Plan
        Names.
    latents : list of ndarray
        Implied covariance of states and traits in each group.
    fit : LikelihoodFit, optional
        Only a likelihood lets variances be negative.
    """
    found = []
    for g, cov in enumerate(latents):
        where = "" if plan.group_name is None else f" in group {plan.groups[g]!r}"
        variances = np.diag(cov)
        negative = [plan.latents[k] for k in np.flatnonzero(variances <= 0)]
        if fit is not None:
            system = systems(plan, fit.density.environment(fit.mode.z[None]))[g]
            own = np.diag(system.disturbance[0])
            negative += [plan.latents[k] for k in np.flatnonzero((own < 0) & (variances > 0))]
            error = np.diag(system.error[0])
            negative += [plan.items[k] for k in np.flatnonzero(error < 0)]
        if negative:
            found.append(f"negative variances{where}: {', '.join(negative)}")
        sd = np.sqrt(np.where(variances > 0, variances, np.nan))
        correlation = cov / np.outer(sd, sd)
        close = [
            f"{plan.latents[i]} and {plan.latents[j]} ({correlation[i, j]:.3f})"
            for i in range(len(cov)) for j in range(i) if abs(correlation[i, j]) > _CLOSE
        ]  # fmt: skip
        if close:
            found.append(
                f"correlations beyond {_CLOSE}{where}, which leave hardly anything to tell the two "
                f"apart: {', '.join(close)}"
            )
    return found
