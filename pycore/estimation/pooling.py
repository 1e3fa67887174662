r"""Groups that are alike but not the same: each borrows from the others what it lacks.

The answer of respondent i in cluster j and cell g is

.. math:: y_i = \alpha_{g(i)} + u_{j(i)} + e_i, \qquad
   u_j \sim \mathrm{Normal}(0, \rho\sigma^2), \quad e_i \sim \mathrm{Normal}(0, (1 - \rho)\sigma^2),

with flat priors of α and log σ.  Given ρ, the share of variance between clusters, everything else
has a closed form (Gelman et al. 2013, *Bayesian Data Analysis*, chapters 5 and 15); ρ itself is
taken from its posterior on a fine grid.  So the draws are independent, and no chain has to converge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from pycore.errors import refuse, require_name
from pycore.estimation.frozen import frozen
from pycore.estimation.survey_design import numbers
from pycore.model.distributions import Beta

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["partial_pooling"]

F64 = NDArray[np.float64]
_GRID = 200
_REFINED = 3  # times the grid is laid over what the last one found
_FAR = 12.0  # log density below the highest that counts as nothing


def partial_pooling(
    table: pd.DataFrame,
    name: str,
    cluster: str,
    *,
    by: str | None = None,
    prior: Beta | None = None,
    draws: int = 1000,
    seed: int,
) -> xr.Dataset:
    """Fit a mean with effects of clusters that are drawn from a normal law of their own.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per respondent; rows without an answer are left out.
    name : str
        Column of numbers.
    cluster : str
        Column of the clusters, at least three.
    by : str, optional
        Column of cells, each with a level of its own (not pooled): the cells in which the sample
        and the population differ, for poststratification.
    prior : Beta, optional
        Of the share of variance between clusters; uniform by default.
    draws : int
        Independent draws of the posterior.
    seed : int
        Same seed, same draws.

    Returns
    -------
    xarray.Dataset
        ``level[draw, cell]``: mean of a cell in a cluster like all clusters;
        ``effect[draw, cluster]``: how far a cluster is from that; ``share_between[draw]``, the
        intraclass correlation ρ; ``sd[draw]``, σ.  The mean of a population with known shares of
        the cells is ``(level * shares).sum("cell")``.

    Raises
    ------
    InputError
        For columns that are not there or not numbers, less than three clusters, no cluster with
        two respondents, and answers that do not vary.

    Examples
    --------
    A shop with a single customer is believed less than one with many:

    >>> import pandas as pd
    >>> shops = list("a" * 20 + "b" * 20 + "c" * 20 + "d")
    >>> speed = [4, 6] * 10 + [3, 5] * 10 + [5, 7] * 10 + [7]
    >>> asked = pd.DataFrame({"shop": shops, "speed": speed})
    >>> found = partial_pooling(asked, "speed", "shop", seed=1)
    >>> mean = (found["level"].isel(cell=0) + found["effect"]).mean("draw")
    >>> bool(mean.sel(cluster="a") < mean.sel(cluster="d") < 6.5)
    True
    """
    import pandas as pd

    if not isinstance(table, pd.DataFrame) or table.empty:
        raise refuse("table", type(table).__name__, "a pandas.DataFrame with a row per respondent")
    columns = [str(c) for c in table.columns]
    for argument, column in (("name", name), ("cluster", cluster), ("by", by)):
        if column is not None:
            require_name(argument, column, columns)
    if isinstance(draws, bool) or not isinstance(draws, int | np.integer) or draws < 1:
        raise refuse("draws", draws, "a whole number of at least 1")
    y = numbers(table, name)
    seen = np.isfinite(y)
    unit, units = table.loc[seen, cluster].factorize(sort=True)
    cell, cells = (table.loc[seen, by] if by else pd.Series(["all"] * int(seen.sum()))).factorize(
        sort=True
    )
    if (unit < 0).any() or (cell < 0).any():
        raise refuse(f"column {cluster if (unit < 0).any() else by!r}", "gaps",
                     "a label for every respondent")  # fmt: skip
    many = np.bincount(unit)
    if len(units) < 3 or many.max() < 2 or len(y[seen]) <= len(units) + len(cells):
        few = f"{len(units)} clusters of {seen.sum()} respondents"
        allowed = "three clusters or more, and more respondents than clusters and cells"
        raise refuse("cluster", few, allowed)
    if np.ptp(y[seen]) == 0:
        raise refuse("name", f"{name!r}, always {y[seen][0]:g}", "answers that vary")
    rng = np.random.default_rng(seed)
    level, effect, share, sd = _draw(y[seen], unit, cell, prior or Beta(1, 1), int(draws), rng)
    return xr.Dataset(
        {
            "level": (("draw", "cell"), level), "effect": (("draw", "cluster"), effect),
            "share_between": ("draw", share), "sd": ("draw", sd),
        },
        coords={"cell": [str(c) for c in cells], "cluster": [str(u) for u in units]},
        attrs={"seed": seed, "respondents": len(y[seen])},
    )  # fmt: skip


def _draw(
    y: F64, unit: NDArray[np.intp], cell: NDArray[np.intp], prior: Beta, draws: int,
    rng: np.random.Generator,
) -> tuple[F64, F64, F64, F64]:  # fmt: skip
    centre = y.mean()
    y = y - centre
    units, cells = unit.max() + 1, cell.max() + 1
    counts = np.zeros((units, cells))
    np.add.at(counts, (unit, cell), 1.0)
    sums = np.bincount(unit, y)
    many = counts.sum(axis=1)
    by_cell, squares = np.bincount(cell, y), float(y @ y)
    free = len(y) - cells

    def given(share: F64) -> tuple[F64, ...]:
        """What is left in closed form at every ρ, and the log density of ρ itself."""
        ratio = share / (1 - share)
        pull = ratio[:, None] / (1 + many * ratio[:, None])
        # V⁻¹ of a cluster is (I − pull·J) / (1 − ρ), and its determinant (1 − ρ)ⁿ(1 + nκ).
        gram = np.einsum("kj,jg,jh->kgh", -pull, counts, counts)
        gram[:, range(cells), range(cells)] += counts.sum(axis=0)
        moment = by_cell - np.einsum("kj,jg,j->kg", pull, counts, sums)
        middle = np.linalg.solve(gram, moment[..., None])[..., 0]
        rest = (squares - pull @ sums**2 - np.einsum("kg,kg->k", moment, middle)) / (1 - share)
        density = -0.5 * (
            free * np.log(1 - share) + np.log1p(many * ratio[:, None]).sum(axis=1)
            + np.linalg.slogdet(gram)[1] + free * np.log(rest)
        )  # fmt: skip
        return pull, gram, middle, rest, density

    low, high = 0.0, 1.0
    for _ in range(_REFINED):
        # The middle of equal steps of the prior: each point stands for as much of it as any other.
        step = (high - low) / _GRID
        share = frozen(prior).ppf(low + step * (np.arange(_GRID) + 0.5))
        pull, gram, middle, rest, density = given(share)
        seen = np.flatnonzero(density > density.max() - _FAR)
        low, high = low + step * seen[0], low + step * (seen[-1] + 1)
    weight = np.exp(density - density.max())
    at = rng.choice(_GRID, size=draws, p=weight / weight.sum())
    sd = np.sqrt(rest[at] / rng.chisquare(free, draws))
    root = np.linalg.cholesky(np.linalg.inv(gram))[at] * np.sqrt(1 - share[at])[:, None, None]
    level = middle[at] + sd[:, None] * np.einsum(
        "dgh,dh->dg", root, rng.standard_normal((draws, cells))
    )
    left = sums - level @ counts.T
    # Var u = τ²/(1 + nκ) = σ²(1 − ρ)·pull.
    spread = np.sqrt((1 - share[at])[:, None] * pull[at])
    effect = pull[at] * left + sd[:, None] * spread * rng.standard_normal((draws, units))
    return level + centre, effect, share[at], sd
