"""Direct, indirect and total effects with their intervals."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pycore.errors import allowed_names, refuse, require_name
from pycore.estimation.fitted import drawn_posterior
from pycore.gates import marked

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["effects"]

_MOST_ROUTES = 500


def effects(
    fit: Any,
    *,
    effect: str | None = None,
    cause: str | None = None,
    standardised: bool = False,
    probability: float = 0.90,
) -> pd.DataFrame:
    """Effects of every cause on every state, by every route.

    Parameters
    ----------
    fit : xarray.DataTree
        Result of :func:`pycore.estimate`.
    effect, cause : str, optional
        Only this state; only this cause.
    standardised : bool
        In standard deviations instead of the model's scale.
    probability : float
        Of the equal-tailed credible interval.

    Returns
    -------
    pandas.DataFrame
        One row per cause, effect and route, with ``kind`` (``direct``; ``indirect``: one route;
        ``all indirect``; ``total``), posterior ``mean``, ``median``, ``sd``, and ``low`` and
        ``high`` of the interval; a column ``group`` where the fit has groups.  Where states feed
        back on each other, routes are endless: then total effects are those of the settled system,
        (I − B)⁻¹ − I, and indirect ones are given as a whole only.

    Raises
    ------
    InputError
        For names that the fit does not have.

    Examples
    --------
    With paths 0.5 and 0.4 in every draw the indirect effect is their product.

    >>> import numpy as np
    >>> import xarray as xr
    >>> path = np.zeros((1, 10, 2, 3))
    >>> path[:, :, 0, 2], path[:, :, 1, 0] = 0.5, 0.4
    >>> posterior = xr.Dataset(
    ...     {"path": (("chain", "draw", "effect", "cause"), path)},
    ...     coords={"effect": ["mood", "loyalty"], "cause": ["mood", "loyalty", "service"]},
    ... )
    >>> fit = xr.DataTree.from_dict({"posterior": posterior})
    >>> table = effects(fit, effect="loyalty", cause="service")
    >>> print(table[["kind", "route", "mean"]].to_string(index=False))
        kind                    route  mean
    indirect service → mood → loyalty   0.2
       total                             0.2
    """
    import pandas as pd

    if not 0 < probability < 1:
        raise refuse("probability", probability, "a number between 0 and 1")
    posterior = drawn_posterior(fit)
    path = posterior["std_path" if standardised else "path"]
    states, latents = list(path["effect"].values), list(path["cause"].values)
    if effect is not None:
        require_name("effect", effect, states)
    if cause is not None:
        require_name("cause", cause, latents)
    groups = list(path["group"].values) if "group" in path.dims else [None]
    rows: list[dict[str, Any]] = []
    for label in groups:
        part = path if label is None else path.sel(group=label)
        square = _square(part.transpose("chain", "draw", "effect", "cause").values, len(latents))
        for row in _effects(square, latents, states, effect, cause, probability):
            rows.append(row if label is None else {"group": label, **row})
    if not rows:
        raise refuse("fit", "no path between these", allowed_names(map(str, states)))
    return marked(pd.DataFrame(rows), fit)


def _square(path: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    flat = path.reshape(-1, *path.shape[2:])
    made = np.zeros((len(flat), size, size))
    made[:, : flat.shape[1]] = flat
    return made


def _effects(
    path: NDArray[np.float64],
    latents: list[str],
    states: list[str],
    effect: str | None,
    cause: str | None,
    probability: float,
) -> Iterator[dict[str, Any]]:
    size = len(latents)
    arrows = (path != 0).any(axis=0)
    feedback = bool(np.linalg.matrix_power(arrows.astype(float), size).any())
    total = np.linalg.inv(np.eye(size) - path) - np.eye(size)
    for j, source in enumerate(latents):
        for i, goal in enumerate(states):
            if (effect not in (None, goal)) or (cause not in (None, source)):
                continue
            if not feedback and (i == j or not _reaches(arrows, j, i)):
                continue
            if feedback and not (total[:, i, j] != 0).any():
                continue

            def row(
                kind: str, route: str, values: NDArray[np.float64],
                ends: tuple[str, str] = (source, goal),
            ) -> dict[str, Any]:  # fmt: skip
                return {"cause": ends[0], "effect": ends[1], "kind": kind, "route": route,
                        **_described(values, probability)}  # fmt: skip

            if arrows[i, j]:
                yield row("direct", f"{source} → {goal}", path[:, i, j])
            routes = [] if feedback else list(_routes(arrows, j, i))
            if len(routes) <= _MOST_ROUTES:
                for route in routes:
                    product = np.prod([path[:, b, a] for a, b in pairwise(route)], axis=0)
                    yield row("indirect", " → ".join(latents[k] for k in route), product)
            if len(routes) > 1 or feedback:
                yield row("all indirect", "", total[:, i, j] - path[:, i, j])
            yield row("total", "", total[:, i, j])


def _described(values: NDArray[np.float64], probability: float) -> dict[str, float]:
    tail = (1 - probability) / 2
    low, median, high = np.quantile(values, [tail, 0.5, 1 - tail])
    return {
        "mean": float(values.mean()), "median": float(median),
        "sd": float(values.std(ddof=1)), "low": float(low), "high": float(high),
    }  # fmt: skip


def _reaches(arrows: NDArray[np.bool_], source: int, goal: int) -> bool:
    return any(True for _ in _paths(arrows, source, goal))


def _routes(arrows: NDArray[np.bool_], source: int, goal: int) -> Iterator[tuple[int, ...]]:
    """Routes with at least one station between."""
    return (r for r in _paths(arrows, source, goal) if len(r) > 2)


def _paths(arrows: NDArray[np.bool_], source: int, goal: int) -> Iterator[tuple[int, ...]]:
    waiting: list[tuple[int, ...]] = [(source,)]
    while waiting:
        route = waiting.pop()
        for after in map(int, np.flatnonzero(arrows[:, route[-1]])):
            if after == goal:
                yield (*route, after)
            elif after not in route:
                waiting.append((*route, after))
