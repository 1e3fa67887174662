"""The PyMC model: priors, and the marginal normal likelihood of the sufficient statistics.

Latent variables are integrated out, so the cost does not grow with the number of respondents.  With
complete answers the intercepts have a flat prior and are integrated out too, which leaves the
Wishart likelihood of the covariances; they are drawn afterwards from their conditional.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pycore.estimation.plan import Plan
from pycore.estimation.priors import is_positive, random_variable
from pycore.estimation.sample import Sample
from pycore.model.numeric import Operations

__all__ = ["INTERCEPT_SD", "START", "GraphArrays", "inside", "pymc_model", "statistics"]

START = 0.1  # a path that starts at exactly 0 can have an exactly zero gradient
INTERCEPT_SD = 10.0  # of sampled intercepts around the observed mean, in item sds


class GraphArrays:
    """Matrices as PyTensor graphs; see :class:`pycore.estimation.plan.Arrays`."""

    def __init__(self) -> None:
        self.operations = graph_operations()

    def fill(self, shape: tuple[int, int], base: Any, index: Any, values: list[Any]) -> Any:
        """Set some entries of a constant matrix."""
        import pytensor.tensor as pt

        constant = pt.as_tensor_variable(np.asarray(base, dtype=np.float64).reshape(shape))
        if not index:
            return constant
        rows, columns = (list(axis) for axis in zip(*index, strict=True))
        if isinstance(values, _Vector):
            return constant[rows, columns].set(values.whole)
        return constant[rows, columns].set(pt.stack([pt.as_tensor_variable(v) for v in values]))

    def columns(self, vector: Any, count: int) -> list[Any]:
        """Keep a vector whole: it is set in one operation."""
        if isinstance(vector, list):
            return vector
        return _Vector(vector, count)

    def product(self, *matrices: Any) -> Any:
        """Matrix product."""
        made = matrices[0]
        for other in matrices[1:]:
            made = made @ other
        return made

    def transpose(self, matrix: Any) -> Any:
        """Transposed matrix."""
        return matrix.T

    def square(self, value: Any) -> Any:
        """Square."""
        return value**2


class _Vector(list[Any]):
    """Entries of a graph vector that remember the vector."""

    def __init__(self, whole: Any, count: int) -> None:
        super().__init__(whole[k] for k in range(count))
        self.whole = whole


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
        ``root``: R with R Rᵀ = n·S per unit; ``freedom``: degrees of freedom; ``mean``, ``observed``
        and ``count`` with sampled intercepts; ``unit_…``: units of the priors.
    """
    roots = []
    for unit in sample.units:
        values, vectors = np.linalg.eigh(unit.n * unit.cov)
        roots.append(vectors * np.sqrt(np.clip(values, 0, None)))
    n = np.array([u.n for u in sample.units], dtype=np.float64)
    found = {"root": np.array(roots), "freedom": n - 1 if plan.means == "profiled" else n}
    if plan.means == "sampled":
        found["mean"] = np.array([u.mean for u in sample.units])
        found["observed"] = np.array([u.observed for u in sample.units], dtype=np.float64)
        found["centre"] = np.array([sample.centre(g) for g in range(len(plan.groups))])
        found["scale"] = sample.scale
    units = plan.units(sample.scale)
    return found | {f"unit_{k}": v for k, v in units.items() if v.size}


def pymc_model(plan: Plan, sample: Sample) -> Any:
    """Build the PyMC model of a plan with its data.

    Model parameters carry their own names; everything else is called ``free_…`` and is in units of
    the items' standard deviations.

    Returns
    -------
    pymc.Model
    """
    import pymc as pm
    import pytensor.tensor as pt

    arrays = GraphArrays()
    groups = len(plan.groups)
    own = (groups,) if plan.varying else ()
    units = [u.group for u in sample.units]
    with pm.Model() as made:
        data = {k: _shaped(pm.Data(k, v), v) for k, v in statistics(plan, sample).items()}
        shared: dict[str, Any] = {}
        for name, prior in plan.priors.items():
            start = 0.5 if is_positive(plan.model, name) else START
            shared[name] = random_variable(name, prior, own, inside(prior, start))
        for word, prior, size, start in (
            ("loading", plan.defaults.loading, len(plan.free_loadings), 1.0),
            ("error", plan.defaults.sd, len(plan.free_errors), 0.7),
            ("trait", plan.defaults.sd, len(plan.free_traits), 0.7),
        ):
            shape = (size,) if word == "loading" else (*own, size)
            shared[word] = (
                data[f"unit_{word}"] * random_variable(f"free_{word}", prior, shape, start)
                if size else np.zeros(shape)
            )  # fmt: skip
        for name, members in plan.blocks.items():
            shared[name] = [
                _correlation(name if len(own) == 0 else f"{name}_{g}", members, plan)
                for g in range(groups if plan.varying else 1)
            ]
        if plan.means == "sampled":
            scatter = pm.Normal(
                "free_intercept", 0, INTERCEPT_SD, shape=(groups, len(plan.items)),
                initval=np.zeros((groups, len(plan.items))),
            )  # fmt: skip
            intercepts = data["centre"] + data["scale"] * scatter
        implied = []
        for g in range(groups):
            values = {
                k: (v[g if plan.varying else 0] if k in plan.blocks else
                    v[g] if plan.varying and k != "loading" else v)
                for k, v in shared.items()
            }  # fmt: skip
            s = plan.system(g, values, arrays)
            size = len(plan.latents)
            across = s.loading @ pt.linalg.inv(pt.eye(size) - s.path)
            implied.append(across @ s.disturbance @ across.T + s.error)
        sigma = implied[0][None] if len(units) == 1 else pt.stack([implied[g] for g in units])
        away = None
        if plan.means == "sampled":
            mask = data["observed"]
            across = mask[:, :, None] * mask[:, None, :]
            sigma = across * sigma + pt.eye(len(plan.items)) * (1 - mask[:, None, :])
            away = mask * (data["mean"] - pt.stack([intercepts[g] for g in units]))
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


def _correlation(name: str, members: tuple[str, ...], plan: Plan) -> Any:
    import pymc as pm

    factor = pm.LKJCorr(name, n=len(members), eta=plan.defaults.correlation)
    return factor @ factor.T


def inside(prior: Any, start: float) -> float:
    """A start in the middle of a bounded prior, else the usual one."""
    a = {k: float(v) for k, v in prior.arguments.items()}
    if "low" in a:
        return (a["low"] + a["high"]) / 2
    if set(a) == {"alpha", "beta"} and type(prior).__name__ == "Beta":
        return a["alpha"] / (a["alpha"] + a["beta"])
    if "mean" in a:
        return a["mean"]
    return start


def _shaped(variable: Any, value: NDArray[np.float64]) -> Any:
    """A data variable whose shape the compiler may rely on."""
    import pytensor.tensor as pt

    return pt.specify_shape(variable, value.shape)
