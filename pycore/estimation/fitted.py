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
from pycore.estimation.quantities import is_score

__all__ = ["Fitted", "drawn_posterior", "fitted", "group_labels", "require_numbers"]

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
    mean : ndarray, shape (draws, latents)
        Means of states and traits; 0 unless the model says what they are.
    level : ndarray, shape (draws, items), or None
        Means of the items; None for data without means.
    """

    items: tuple[str, ...]
    latents: tuple[str, ...]
    states: tuple[str, ...]
    loading: F64
    latent: F64
    disturbance: F64
    error: F64
    mean: F64
    level: F64 | None

    @property
    def covariance(self) -> F64:
        """Covariance of the items, Λ V Λᵀ + Θ, shape (draws, items, items)."""
        spread = self.loading @ self.latent @ np.swapaxes(self.loading, 1, 2)
        return np.asarray(spread + self.error)


def group_labels(fit: Any) -> list[Any]:
    """Labels of the groups of a fit; ``[None]`` for one without groups."""
    posterior = drawn_posterior(fit)
    return list(posterior["group"].values) if "group" in posterior.dims else [None]


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
    posterior = drawn_posterior(fit)
    lacking = {"path", "loading", "state_covariance", "item_covariance"} - set(posterior)
    if lacking:
        raise refuse("fit", f"a posterior without {', '.join(sorted(map(str, lacking)))}",
                     "a fit with draws, of pc.estimate")  # fmt: skip
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
        flat = array.reshape(array.shape[0] * array.shape[1], *array.shape[2:])
        return np.asarray(flat if draws is None else flat[draws], dtype=np.float64)

    causes = [latents.index(str(c)) for c in posterior["cause"].values]
    effects = [latents.index(s) for s in states]
    path = read("path", "effect", "cause")
    square = np.zeros((len(path), len(latents), len(latents)))
    square[np.ix_(range(len(path)), effects, causes)] = path
    total = np.linalg.inv(np.eye(len(latents)) - square)
    disturbance = read("state_covariance", "state", "state_")
    loading, error = read("loading", "item", "state"), read("item_covariance", "item", "item_")
    mean, level = np.zeros(loading.shape[::2]), None
    if "intercept" in posterior:
        level = read("intercept", "item")
    if level is not None and "state_intercept" in posterior:
        alpha = read("state_intercept", "state")
        mean = (total @ alpha[..., None])[..., 0]
        # The intercept of an item that is a state itself is reported as the state's.
        shift = mean[:, None, :] - is_score(loading, error) * alpha[:, None, :]
        level = level + (loading * shift).sum(axis=2)
    return Fitted(
        items=items, latents=latents, states=states, loading=loading,
        latent=total @ disturbance @ np.swapaxes(total, 1, 2), disturbance=disturbance,
        error=error, mean=mean, level=level,
    )  # fmt: skip


def require_numbers(fit: Any) -> None:
    """Refuse fits whose likelihood is not that of the means and covariances that they keep."""
    information = getattr(fit, "attrs", {}).get("information", "")
    if information:
        allowed = "a fit of answers as numbers: latents='integrated', no ordinal=, no outcomes"
        raise refuse("fit", information, allowed)


def drawn_posterior(fit: Any) -> xr.Dataset:
    """The draws of a fit.

    Raises
    ------
    InputError
        For anything but a fit, and for a maximum of the likelihood, which has none.
    """
    try:
        found = fit["posterior"]
    except (TypeError, KeyError):
        received = getattr(fit, "attrs", {}).get("sampler", type(fit).__name__)
        raise refuse("fit", received, "a fit with draws, of pc.estimate") from None
    return found.to_dataset() if isinstance(found, xr.DataTree) else found
