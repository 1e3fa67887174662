"""How strongly a cause acts, at several values of what moderates it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from pycore.errors import allowed_names, refuse, require_name
from pycore.estimation.fitted import drawn_posterior
from pycore.gates import marked
from pycore.model.elements import Parameter
from pycore.model.products import separate_products
from pycore.model.serialize import from_json

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["simple_slopes"]

F64 = NDArray[np.float64]


def simple_slopes(
    fit: Any,
    effect: str,
    cause: str,
    *,
    moderator: str | None = None,
    at: Sequence[float] = (-1.0, 0.0, 1.0),
    probability: float = 0.90,
) -> pd.DataFrame:
    """Slope of a state on its cause, in each group or at values of a moderator.

    Parameters
    ----------
    fit : xarray.DataTree
        Result of :func:`pycore.estimate`.
    effect, cause : str
        The path.
    moderator : str, optional
        State or trait whose product with the cause acts on the effect too
        (``latents="quadrature"`` or ``"explicit"``); without it the slopes of the fit's groups are
        compared.
    at : sequence of float
        Values of the moderator, in the model's units from its base level.
    probability : float
        Of the equal-tailed credible intervals.

    Returns
    -------
    pandas.DataFrame
        One row per group or value: ``level``, ``mean``, ``sd``, ``low`` and ``high`` of the slope
        in the model's units, and ``difference``, ``difference_low``, ``difference_high`` from the
        first row, draw by draw.

    Raises
    ------
    InputError
        For names that the fit does not have, a path without product, or a fit without groups.

    Examples
    --------
    >>> import numpy as np
    >>> import xarray as xr
    >>> path = np.zeros((1, 10, 2, 1, 2))
    >>> path[:, :, 0, 0, 1], path[:, :, 1, 0, 1] = 0.2, 0.5
    >>> posterior = xr.Dataset(
    ...     {"path": (("chain", "draw", "group", "effect", "cause"), path)},
    ...     coords={"effect": ["loyalty"], "cause": ["loyalty", "price"], "group": ["new", "old"]},
    ... )
    >>> fit = xr.DataTree.from_dict({"posterior": posterior})
    >>> simple_slopes(fit, "loyalty", "price")[["level", "mean", "difference"]].values.tolist()
    [['new', 0.2, 0.0], ['old', 0.5, 0.3]]
    """
    import pandas as pd

    if not 0 < probability < 1:
        raise refuse("probability", probability, "a number between 0 and 1")
    posterior = drawn_posterior(fit)
    path = posterior["path"]
    require_name("effect", effect, [str(n) for n in path["effect"].values])
    require_name("cause", cause, [str(n) for n in path["cause"].values])
    one = path.sel(effect=effect, cause=cause).stack(sample=("chain", "draw"))
    if moderator is not None:
        drawn = _moderated(fit, posterior, one.values, effect, cause, moderator, at)
    elif "group" in one.dims:
        values = one.transpose("group", "sample").values
        drawn = {str(g): v for g, v in zip(one["group"].values, values, strict=True)}
    else:
        raise refuse("moderator", None, "a state or trait: the fit has no groups")
    tail = 50 * (1 - probability)
    first = next(iter(drawn.values()))
    rows = []
    for level, slope in drawn.items():
        low, high = np.percentile(slope, [tail, 100 - tail])
        apart = np.percentile(slope - first, [tail, 100 - tail])
        rows.append((level, slope.mean(), slope.std(), low, high,
                     (slope - first).mean(), *apart))  # fmt: skip
    columns = ["level", "mean", "sd", "low", "high",
               "difference", "difference_low", "difference_high"]  # fmt: skip
    return marked(pd.DataFrame(rows, columns=columns), fit)


def _moderated(
    fit: Any, posterior: Any, slope: F64, effect: str, cause: str, moderator: str,
    at: Sequence[float],
) -> dict[str, F64]:  # fmt: skip
    """Slope at each value: the path at the base level, and the product's coefficient times it."""
    if slope.ndim > 1:
        raise refuse("moderator", moderator, "None: the fit has groups")
    if len(at) == 0 or not np.isfinite(np.asarray(at, dtype=float)).all():
        raise refuse("at", at, "one or more finite values")
    model = from_json(fit.attrs["model_json"])
    _, products = separate_products(model)
    mine = [p for p in products if p.state == effect and cause in (p.first, p.second)]
    partners = [p.second if p.first == cause else p.first for p in mine]
    if moderator not in partners:
        raise refuse("moderator", moderator, allowed_names(partners) if partners else
                     f"None: no product with {cause!r} acts on {effect!r}")  # fmt: skip
    coefficient = mine[partners.index(moderator)].coefficient
    names = sorted(s.name for s in coefficient.free_symbols)
    values = []
    for name in names:
        if name in posterior:
            values.append(posterior[name].stack(sample=("chain", "draw")).values)
        else:  # held at its declared value
            declared = model.of_kind(Parameter)[name].value
            values.append(np.full(slope.shape, float(declared)))
    symbols = [next(s for s in coefficient.free_symbols if s.name == n) for n in names]
    strength = np.broadcast_to(sp.lambdify(symbols, coefficient, "numpy")(*values), slope.shape)
    twice = 2.0 if moderator == cause else 1.0  # a square has twice the slope
    return {f"{value:+g}": slope + twice * float(value) * strength for value in at}
