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

    # Every point of every difference at once: column k up in row k, down in row K + k.
    count = len(columns)
    points = {k: np.repeat(v, 2 * count, axis=0) for k, v in base.items()}
    for k, (name, index) in enumerate(columns):
        for row, step in ((k, _STEP), (count + k, -_STEP)):
            if index is None:
                points[name][row] += step
            elif isinstance(index, tuple):
                points[name][row, index[0], index[1]] += step
                points[name][row, index[1], index[0]] += step
            else:
                points[name][row, index] += step
    arrays = NumPyArrays(2 * count)
    found = []
    for g in range(len(plan.groups)):
        items = implied(plan.system(g, points, arrays))[1]
        rows, below = np.tril_indices(items.shape[-1])
        found.append(items[:, rows, below])
        if plan.varying:
            break  # each group stands alone with parameters of its own
    moments = np.concatenate(found, axis=1)
    matrix = ((moments[:count] - moments[count:]) / (2 * _STEP)).T
    size = np.linalg.norm(matrix, axis=0)
    matrix = matrix / np.where(size > 0, size, 1.0)
    _, singular, directions = np.linalg.svd(matrix, full_matrices=True)
    null = directions[int((singular > _RANK * max(float(singular[0]), 1e-300)).sum()) :]
    names = [c[0] for c in columns]
    loose = {names[k] for k in range(len(names)) if (np.abs(null[:, k]) > 1e-3).any()}
    return tuple(n for n in plan.priors if n in loose)
