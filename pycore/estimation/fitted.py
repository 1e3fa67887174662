"""The matrices of a fit by name: what is computed from a posterior begins here.

Only the names that a result promises are read (:mod:`pycore.estimation.posterior`), so a fit that
was saved and loaded serves as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from pycore.errors import refuse, require_name

__all__ = ["Fitted", "fitted", "group_labels"]

F64 = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Fitted:
    """Λ, B, Ψ, Θ and ν of one group, for every draw.

    Attributes
    ----------
    items, latents, states : tuple of str
        Rows of Λ; its columns; those columns that have causes.
    loading : ndarray, shape (draws, items, latents)
        Λ.
    latent : ndarray, shape (draws, latents, latents)
        Covariance of states and measured traits, (I − B)⁻¹ Ψ (I − B)⁻ᵀ.
    disturbance : ndarray, shape (draws, latents, latents)
        Ψ.
    error : ndarray, shape (draws, items, items)
        Θ.
    intercept : ndarray, shape (draws, items), or None
        ν; None for data without means.
    """

    items: tuple[str, ...]
    latents: tuple[str, ...]
    states: tuple[str, ...]
    loading: F64
    latent: F64
    disturbance: F64
    error: F64
    intercept: F64 | None

    @property
    def covariance(self) -> F64:
        """Covariance of the items, Λ V Λᵀ + Θ, shape (draws, items, items)."""
        spread = self.loading @ self.latent @ np.swapaxes(self.loading, 1, 2)
        return np.asarray(spread + self.error)


def group_labels(fit: Any) -> list[Any]:
    """Labels of the groups of a fit; ``[None]`` for one without groups."""
    path = _posterior(fit)["path"]
    return list(path["group"].values) if "group" in path.dims else [None]


def fitted(fit: Any, group: Any = None, draws: NDArray[np.int_] | None = None) -> Fitted:
    """Read the matrices of one group.

    Parameters
    ----------
    fit : xarray.DataTree
        Result of :func:`pycore.estimate`.
    group : label, optional
        Which group, where there are groups.
    draws : ndarray of int, optional
        Which draws, counted over chains; all by default.

    Raises
    ------
    InputError
        For anything but a fit, or an unknown group.
    """
    posterior = _posterior(fit)
    labels = group_labels(fit)
    if labels == [None]:
        if group is not None:
            raise refuse("group", group, "None: the fit has no groups")
    else:
        require_name("group", group, labels)
        posterior = posterior.sel(group=group)
    items = tuple(str(i) for i in posterior["item"].values)
    latents = tuple(str(s) for s in posterior["state"].values)
    states = tuple(str(s) for s in posterior["effect"].values)

    def read(name: str, *dims: str) -> F64:
        array = posterior[name].transpose("chain", "draw", *dims).values
        flat = array.reshape(-1, *array.shape[2:])
        return np.asarray(flat if draws is None else flat[draws], dtype=np.float64)

    causes = [latents.index(str(c)) for c in posterior["cause"].values]
    effects = [latents.index(s) for s in states]
    path = read("path", "effect", "cause")
    square = np.zeros((len(path), len(latents), len(latents)))
    square[np.ix_(range(len(path)), effects, causes)] = path
    total = np.linalg.inv(np.eye(len(latents)) - square)
    disturbance = read("state_covariance", "state", "state_")
    return Fitted(
        items=items, latents=latents, states=states, loading=read("loading", "item", "state"),
        latent=total @ disturbance @ np.swapaxes(total, 1, 2), disturbance=disturbance,
        error=read("item_covariance", "item", "item_"),
        intercept=read("intercept", "item") if "intercept" in posterior else None,
    )  # fmt: skip


def _posterior(fit: Any) -> xr.Dataset:
    try:
        found = fit["posterior"]
        names = set(found.data_vars)
    except (TypeError, KeyError, AttributeError):
        raise refuse("fit", type(fit).__name__, "a fit that pc.estimate returned") from None
    missing = {"path", "loading", "state_covariance", "item_covariance"} - names
    if missing:
        raise refuse("fit", f"a posterior without {', '.join(sorted(missing))}",
                     "a sampled fit that pc.estimate returned")  # fmt: skip
    return found.to_dataset() if isinstance(found, xr.DataTree) else found
