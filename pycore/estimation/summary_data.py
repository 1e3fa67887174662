"""Published tables as data: a covariance or correlation matrix stands where the respondents would."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pycore.errors import refuse

__all__ = ["SummaryData", "require_positive_definite"]


@dataclass(frozen=True, eq=False, kw_only=True)
class SummaryData:
    """Sufficient statistics of a survey.

    Parameters
    ----------
    cov, corr : array_like, shape (variables, variables)
        Sample covariance (divisor n − 1) or correlation; exactly one of the two.
    mean : array_like, shape (variables,), optional
        Sample means; without them no intercept is estimated.
    sd : array_like, shape (variables,), optional
        With ``corr``: standard deviations.  Without them scores are standardised.
    n : int
        Respondents.
    names : sequence of str
        Items, in the order of the matrix.

    Raises
    ------
    InputError
        If the matrix is not symmetric, not positive definite, of another shape than the names, or
        if there are no more respondents than variables.

    Examples
    --------
    >>> data = SummaryData(corr=[[1, 0.5], [0.5, 1]], n=100, names=["x", "y"])
    >>> data.covariance[0, 1]
    np.float64(0.5)
    """

    cov: Any = None
    corr: Any = None
    mean: Any = None
    sd: Any = None
    n: int
    names: Sequence[str]

    def __post_init__(self) -> None:
        try:
            names = tuple(self.names)
        except TypeError:  # nothing to iterate over, as in a number or an array without dimensions
            names = ()
        texts = all(isinstance(n, str) for n in names) and not isinstance(self.names, str)
        if not names or not texts or len(set(names)) != len(names):
            raise refuse("names", self.names, "different item names, at least one")
        object.__setattr__(self, "names", names)
        if (self.cov is None) == (self.corr is None):
            raise refuse("cov, corr", "both or neither", "exactly one of cov= and corr=")
        if isinstance(self.n, bool) or not isinstance(self.n, int | np.integer):
            raise refuse("n", self.n, "a whole number of respondents")
        if self.n <= len(names):
            raise refuse("n", self.n, f"more respondents than the {len(names)} variables")
        word = "corr" if self.cov is None else "cov"
        matrix = _numbers(word, getattr(self, word), (len(names), len(names)))
        if not np.allclose(matrix, matrix.T, rtol=1e-8, atol=1e-10):
            raise refuse(word, "a matrix that is not symmetric", "a symmetric matrix")
        if word == "corr" and not np.allclose(np.diag(matrix), 1.0, atol=1e-8):
            raise refuse("corr", f"a diagonal of {np.diag(matrix)}", "a diagonal of ones")
        require_positive_definite(word, matrix)
        object.__setattr__(self, word, matrix / 2 + matrix.T / 2)  # the sum may not be finite
        for name in ("mean", "sd"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, _numbers(name, getattr(self, name), (len(names),)))
        if self.sd is not None and (word == "cov" or not all(1e-150 < s < 1e150 for s in self.sd)):
            raise refuse(
                "sd", self.sd, "positive numbers with a finite square, together with corr="
            )

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as a call, so that what is unpickled has been checked."""
        return partial(SummaryData, **{f.name: getattr(self, f.name) for f in fields(self)}), ()

    @property
    def standardised(self) -> bool:
        """Whether only correlations are known."""
        return self.cov is None and self.sd is None

    @property
    def covariance(self) -> NDArray[np.float64]:
        """Covariance, or correlation where nothing else is known."""
        if self.cov is not None:
            return np.asarray(self.cov)
        scale = np.ones(len(self.names)) if self.sd is None else np.asarray(self.sd)
        covariance: NDArray[np.float64] = np.asarray(self.corr) * np.outer(scale, scale)
        return covariance


def require_positive_definite(argument: str, matrix: NDArray[np.float64]) -> None:
    """Refuse a matrix that no data can have, naming its smallest eigenvalue.

    Examples
    --------
    >>> require_positive_definite("corr", np.array([[1.0, 2.0], [2.0, 1.0]]))
    Traceback (most recent call last):
    ...
    pycore.errors.InputError: corr: received smallest eigenvalue -1, allowed is a positive \
definite matrix
    """
    if (np.diag(matrix) <= 0).any():
        raise refuse(argument, _Shown(f"variances {np.diag(matrix)}"), "positive variances")
    scale = np.sqrt(np.diag(matrix))
    smallest = float(np.linalg.eigvalsh(matrix / scale / scale[:, None]).min())
    if smallest < 1e-8:
        raise refuse(
            argument, _Shown(f"smallest eigenvalue {smallest:.4g}"), "a positive definite matrix"
        )


class _Shown(str):
    """Text that is shown without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _numbers(argument: str, value: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.float64]:
    try:
        given = np.asarray(value)
    except ValueError:  # lists of different lengths
        given = np.empty(0, dtype=object)
    if given.dtype.kind not in "iuf":
        raise refuse(argument, value, "numbers")
    array = given.astype(np.float64)
    if array.shape != shape:
        raise refuse(argument, f"shape {array.shape}", f"shape {shape}, one entry per name")
    if not np.isfinite(array).all():
        raise refuse(argument, "NaN or infinite entries", "finite numbers")
    array.flags.writeable = False
    return array
