"""Priors: the model's own, the defaults of the method, and their PyMC and NumPy forms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pycore.errors import refuse, require_name
from pycore.model.distributions import (
    Beta,
    Distribution,
    Exponential,
    Gamma,
    HalfNormal,
    LogNormal,
    Normal,
    Uniform,
)
from pycore.model.elements import Draw, Parameter, State, Trait
from pycore.model.expressions import symbol
from pycore.model.model import Model

__all__ = [
    "BLAVAAN",
    "DEFAULT",
    "Defaults",
    "choose",
    "held_numbers",
    "is_positive",
    "random_variable",
    "sampled",
]


@dataclass(frozen=True)
class Defaults:
    """Priors of what the model says nothing about.

    Everything is in units of the items' standard deviations, unless ``raw``.  ``cross`` is for
    further loadings of an item, ``unscaled`` for loadings on what has a unit variance instead of a
    marker, ``correlation`` is the η of LKJ.
    """

    path: Distribution
    sd: Distribution
    loading: Distribution
    cross: Distribution
    unscaled: Distribution
    intercept: Distribution
    mean: Distribution
    correlation: float
    replace_own: bool = False
    raw: bool = False


DEFAULT = Defaults(
    path=Normal(0, 0.7), sd=Gamma(1, 0.5), loading=Normal(1, 0.5), cross=Normal(0, 0.5),
    unscaled=Normal(0, 1), intercept=Normal(0, 10), mean=Normal(0, 1), correlation=2.0,
)  # fmt: skip
BLAVAAN = Defaults(
    path=Normal(0, 10), sd=Gamma(1, 0.5), loading=Normal(0, 10), cross=Normal(0, 10),
    unscaled=Normal(0, 10), intercept=Normal(0, 32), mean=Normal(0, 10), correlation=1.0,
    replace_own=True, raw=True,
)  # fmt: skip


def choose(
    model: Model, names: tuple[str, ...], priors: Mapping[str, Any] | str | None
) -> tuple[dict[str, Distribution | None], dict[str, float], Defaults]:
    """Prior of each parameter that the data speak to.

    Parameters
    ----------
    model : Model
        Declares priors.
    names : tuple of str
        Parameters that appear in the structural form.
    priors : mapping, "blavaan" or None
        Parameter → distribution, or → number that holds it fixed; ``"blavaan"`` takes that
        package's defaults for everything, for comparisons only.

    Returns
    -------
    priors : dict
        Of the sampled parameters; None where neither the call nor the model gives one, and the
        items of the model are held: then the prior depends on what the parameter is.
    fixed : dict
        Parameters held at a number.
    defaults : Defaults
        Of loadings, errors and traits.
    """
    if isinstance(priors, str):
        if priors != "blavaan":
            raise refuse("priors", priors, "a mapping, 'blavaan' or None")
        own, defaults = {}, BLAVAAN
    else:
        own, defaults = dict(priors or {}), DEFAULT
    fixed = {}
    for name, prior in own.items():
        require_name("priors", name, model.of_kind(Parameter))
        if isinstance(prior, Distribution):
            if any(v.free_symbols for v in prior.arguments.values()):
                raise refuse(f"priors[{name!r}]", str(prior), "numbers as arguments")
        elif (
            isinstance(prior, bool) or not isinstance(prior, int | float) or not np.isfinite(prior)
        ):
            raise refuse(f"priors[{name!r}]", prior, "a distribution, or a number to hold it at")
        else:
            fixed[name] = float(prior)
    held = not any(item.free for item in model.items.values())
    chosen: dict[str, Distribution | None] = {}
    for name in names:
        if name in fixed:
            continue
        prior = own.get(name)
        if prior is None and not defaults.replace_own:
            prior = model.of_kind(Parameter)[name].prior
        if prior is None and not held:
            prior = defaults.sd if is_positive(model, name) else defaults.path
        chosen[name] = prior
    return chosen, fixed, defaults


def held_numbers(priors: Mapping[str, Any] | str | None) -> dict[str, Any]:
    """Parameters that ``priors`` hold at numbers, which a likelihood has too."""
    given = priors.items() if isinstance(priors, Mapping) else ()
    return {name: prior for name, prior in given if not isinstance(prior, Distribution)}


def is_positive(model: Model, name: str) -> bool:
    """Whether a parameter is a scale: it stands alone where only positive numbers may.

    That is a positive argument of a distribution, the noise of a state, or the factor of a drawn
    trait whose own prior is positive.
    """
    sought = symbol(name)
    prior = model.of_kind(Parameter)[name].prior
    if isinstance(prior, HalfNormal | Gamma | LogNormal | Exponential):
        return True
    distributions = [d.distribution for d in model.of_kind(Draw).values()]
    distributions += [t.distribution for t in model.of_kind(Trait).values() if t.distribution]
    inside = any(d.arguments[field] == sought for d in distributions for field in d.positive)
    return inside or any(s.noise == sought for s in model.of_kind(State).values())


def random_variable(
    name: str, prior: Distribution, shape: tuple[int, ...] = (), start: Any = None
) -> Any:
    """PyMC's random variable of a prior, inside a model context."""
    import pymc as pm

    a = {k: float(v) for k, v in prior.arguments.items()}
    extra: dict[str, Any] = {"shape": shape} if shape else {}
    if start is not None:
        extra["initval"] = np.broadcast_to(start, shape) if shape else start
    match prior:
        case Normal():
            return pm.Normal(name, a["mu"], a["sigma"], **extra)
        case LogNormal():
            return pm.LogNormal(name, np.log(a["mean"]) - a["sigma"] ** 2 / 2, a["sigma"], **extra)
        case Exponential():
            return pm.Exponential(name, scale=a["mean"], **extra)
        case Uniform():
            return pm.Uniform(name, a["low"], a["high"], **extra)
        case Beta():
            return pm.Beta(name, a["alpha"], a["beta"], **extra)
        case HalfNormal():
            return pm.HalfNormal(name, a["sigma"], **extra)
        case Gamma():
            return pm.Gamma(name, a["alpha"], a["beta"], **extra)
    raise refuse(f"prior of {name!r}", str(prior), "a distribution of pycore")


def sampled(
    prior: Distribution, rng: np.random.Generator, size: tuple[int, ...]
) -> NDArray[np.float64]:
    """Independent draws from a prior.

    Examples
    --------
    >>> float(sampled(Normal(2, 0.001), np.random.default_rng(0), (5,)).mean().round(2))
    2.0
    """
    a = {k: float(v) for k, v in prior.arguments.items()}
    match prior:
        case Normal():
            return rng.normal(a["mu"], a["sigma"], size)
        case LogNormal():
            return a["mean"] * np.exp(rng.normal(-(a["sigma"] ** 2) / 2, a["sigma"], size))
        case Exponential():
            return rng.exponential(a["mean"], size)
        case Uniform():
            return rng.uniform(a["low"], a["high"], size)
        case Beta():
            return rng.beta(a["alpha"], a["beta"], size)
        case HalfNormal():
            return np.abs(rng.normal(0, a["sigma"], size))
        case Gamma():
            return rng.gamma(a["alpha"], 1 / a["beta"], size)
    raise refuse("prior", str(prior), "a distribution of pycore")
