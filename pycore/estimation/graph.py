"""The PyMC model: priors, and the marginal normal likelihood of the sufficient statistics.

Latent variables are integrated out, so the cost does not grow with the number of respondents.  With
complete answers and an own mean for every item, the intercepts have a flat prior and are integrated
out too, which leaves the Wishart likelihood of the covariances; they are drawn afterwards from their
conditional.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pycore.estimation.plan import Plan, entry_name
from pycore.estimation.priors import random_variable
from pycore.estimation.sample import Sample
from pycore.model.numeric import Operations

__all__ = ["GraphArrays", "pymc_model", "statistics"]


class GraphArrays:
    """Matrices as PyTensor graphs; see :class:`pycore.estimation.plan.Arrays`."""

    def __init__(self) -> None:
        self.operations = graph_operations()

    def fill(
        self, shape: tuple[int, int], base: NDArray[np.float64],
        entries: dict[tuple[int, int], Any],
    ) -> Any:  # fmt: skip
        """Set some entries of a constant matrix."""
        import pytensor.tensor as pt

        constant = pt.as_tensor_variable(np.asarray(base, dtype=np.float64).reshape(shape))
        if not entries:
            return constant
        rows, columns = (list(axis) for axis in zip(*entries, strict=True))
        return constant[rows, columns].set(
            pt.stack([pt.as_tensor_variable(v) for v in entries.values()])
        )


def graph_operations() -> Operations:
    """Operations of the model language on PyTensor variables."""
    import pytensor.tensor as pt

    return {
        "+": lambda a, b: a + b, "*": lambda a, b: a * b, "**": lambda a, b: a**b, "exp": pt.exp,
        "log": pt.log, "max": pt.maximum, "min": pt.minimum, "abs": pt.abs, "floor": pt.floor,
        "logistic": pt.sigmoid, "where": pt.switch, "<": pt.lt, "<=": pt.le, ">": pt.gt,
        ">=": pt.ge, "==": pt.eq, "and": pt.and_, "or": pt.or_, "not": pt.invert,
    }  # fmt: skip


def statistics(plan: Plan, sample: Sample) -> dict[str, NDArray[np.float64]]:
    """Arrays that the graph reads; exchanging them needs no new compilation.

    Returns
    -------
    dict
        ``root``: R with R Rᵀ = n·S per unit; ``freedom``: degrees of freedom; ``mean`` and
        ``observed`` where means are modelled.
    """
    roots = []
    for unit in sample.units:
        values, vectors = np.linalg.eigh(unit.n * unit.cov)
        roots.append(vectors * np.sqrt(np.clip(values, 0, None)))
    n = np.array([u.n for u in sample.units], dtype=np.float64)
    found = {"root": np.array(roots), "freedom": n - 1 if plan.means == "profiled" else n}
    if plan.means == "modelled":
        found["mean"] = np.array([u.mean for u in sample.units])
        found["observed"] = np.array([u.observed for u in sample.units], dtype=np.float64)
    return found


def pymc_model(plan: Plan, sample: Sample) -> Any:
    """Build the PyMC model of a plan with its data.

    Parameters with a prior of their own carry their own names; everything else is called
    ``free_…`` and is in units of the items' standard deviations.

    Returns
    -------
    pymc.Model
    """
    import pymc as pm
    import pytensor.tensor as pt

    arrays = GraphArrays()
    units = [u.group for u in sample.units]
    with pm.Model() as made:
        data = {k: _shaped(pm.Data(k, v), v) for k, v in statistics(plan, sample).items()}
        environment: dict[str, Any] = {}
        for free in plan.free:
            assert free.prior is not None  # a plan of a likelihood has no PyMC model
            variable = random_variable(free.name, free.prior, free.shape, free.start)
            flat = variable.ravel() if free.shape else variable[None]
            environment |= {entry_name(free.name, k): flat[k] for k in range(free.size)}
        for name, size in plan.correlations.items():
            factor = pm.LKJCorr(name, n=size, eta=plan.defaults.correlation)
            matrix = factor @ factor.T
            environment |= {
                entry_name(name, i, j): matrix[i, j] for i in range(size) for j in range(i)
            }
        implied, levels = [], []
        for g in range(len(plan.groups)):
            s = plan.system(g, environment, arrays)
            total = pt.linalg.inv(pt.eye(len(plan.latents)) - s.path)
            across = s.loading @ total
            implied.append(across @ s.disturbance @ across.T + s.error)
            levels.append((s.intercept + across @ s.mean)[:, 0])
        sigma = implied[0][None] if len(units) == 1 else pt.stack([implied[g] for g in units])
        away = None
        if plan.means == "modelled":
            mask = data["observed"]
            both = mask[:, :, None] * mask[:, None, :]
            sigma = both * sigma + pt.eye(len(plan.items)) * (1 - mask[:, None, :])
            away = mask * (data["mean"] - pt.stack([levels[g] for g in units]))
        pm.Potential("likelihood", _likelihood(sigma, data, away))
    return made


def _likelihood(sigma: Any, data: dict[str, Any], away: Any) -> Any:
    """Sum over units of −½ [f·(p log 2π + log|Σ|) + tr Σ⁻¹ n S + n dᵀ Σ⁻¹ d]."""
    import pytensor.tensor as pt

    freedom = data["freedom"]
    if len(data["root"].type.shape) == 3 and data["root"].type.shape[0] == 1:
        factor = pt.linalg.cholesky(sigma[0])
        inside = pt.linalg.solve_triangular(factor, data["root"][0], lower=True)
        quadratic = (inside**2).sum()
        determinant = 2 * pt.log(pt.diagonal(factor)).sum()
        extra = 0.0
        if away is not None:
            bent = pt.linalg.solve_triangular(factor, away[0], lower=True)
            extra = freedom[0] * (bent**2).sum()
        observed = data["observed"].sum() if away is not None else sigma.type.shape[-1]
        return -0.5 * (
            freedom[0] * (observed * np.log(2 * np.pi) + determinant) + quadratic + extra
        )
    factor = pt.linalg.cholesky(sigma)
    inside = pt.linalg.solve_triangular(factor, data["root"], lower=True)
    quadratic = (inside**2).sum(axis=(-1, -2))
    determinant = 2 * pt.log(pt.diagonal(factor, axis1=-2, axis2=-1)).sum(axis=-1)
    observed = data["root"].type.shape[-1]
    if away is not None:
        bent = pt.linalg.solve_triangular(factor, away[:, :, None], lower=True, b_ndim=2)
        quadratic = quadratic + freedom * (bent**2).sum(axis=(-1, -2))
        observed = data["observed"].sum(axis=-1)
    return -0.5 * (freedom * (observed * np.log(2 * np.pi) + determinant) + quadratic).sum()


def _shaped(variable: Any, value: NDArray[np.float64]) -> Any:
    """A data variable whose shape the compiler may rely on."""
    import pytensor.tensor as pt

    return pt.specify_shape(variable, value.shape)
