"""Which parameters the covariances cannot tell apart, found before sampling."""

from __future__ import annotations

from typing import Any

import numpy as np

from pycore.estimation.plan import NumPyArrays, Plan
from pycore.estimation.posterior import implied
from pycore.estimation.sample import Sample

__all__ = ["unidentified"]

_STEP = 1e-4
_RANK = 1e-6


def unidentified(plan: Plan, sample: Sample) -> tuple[str, ...]:
    """Model parameters in the null space of the derivative of all implied covariances.

    Loadings, errors, trait deviations and correlations count as free too, so a parameter that they
    can stand in for is named as well.  Taken at the declared values.
    """
    units = plan.units(sample.scale)
    base: dict[str, Any] = {n: np.array([plan.forms[0].values[n]]) for n in plan.priors}
    # At a path of exactly 0, products lose derivatives that they have everywhere else.
    base = {n: np.where(np.abs(v) < 1e-3, 0.13, v) for n, v in base.items()}
    columns: list[tuple[str, int | tuple[int, int] | None]] = [(n, None) for n in plan.priors]
    for word, count, start in (
        ("loading", len(plan.free_loadings), 1.0), ("error", len(plan.free_errors), 0.7),
        ("trait", len(plan.free_traits), 0.7),
    ):  # fmt: skip
        base[word] = np.full((1, count), start) * (units[word] if count else 1.0)
        columns += [(word, k) for k in range(count)]
    for name, members in plan.blocks.items():
        base[name] = np.eye(len(members))[None] * 0.8 + 0.2
        columns += [(name, (i, j)) for i in range(len(members)) for j in range(i)]

    def moments(values: dict[str, Any]) -> Any:
        arrays = NumPyArrays(1)
        found = []
        for g in range(len(plan.groups)):
            items = implied(plan.system(g, values, arrays))[1][0]
            found.append(items[np.tril_indices(len(items))])
            if plan.varying:
                break  # each group stands alone with parameters of its own
        return np.concatenate(found)

    jacobian = []
    for name, index in columns:
        sides = []
        for sign in (1, -1):
            moved = {k: v.copy() for k, v in base.items()}
            if index is None:
                moved[name] += sign * _STEP
            elif isinstance(index, tuple):
                moved[name][0, index[0], index[1]] += sign * _STEP
                moved[name][0, index[1], index[0]] += sign * _STEP
            else:
                moved[name][0, index] += sign * _STEP
            sides.append(moments(moved))
        jacobian.append((sides[0] - sides[1]) / (2 * _STEP))
    matrix = np.array(jacobian).T
    size = np.linalg.norm(matrix, axis=0)
    matrix = matrix / np.where(size > 0, size, 1.0)
    _, singular, directions = np.linalg.svd(matrix, full_matrices=True)
    null = directions[int((singular > _RANK * max(float(singular[0]), 1e-300)).sum()) :]
    names = [c[0] for c in columns]
    loose = {names[k] for k in range(len(names)) if (np.abs(null[:, k]) > 1e-3).any()}
    return tuple(n for n in plan.priors if n in loose)
