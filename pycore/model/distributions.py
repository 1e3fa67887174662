"""Distributions of draws, traits and priors.

A distribution that the machine can draw says how: as an expression of a fixed number of standard
normal and uniform numbers.  The same expression is averaged by quadrature for the long-run
structural form.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal, Self

import sympy as sp

from pycore.errors import refuse
from pycore.model.expressions import from_json, to_expression, to_json
from pycore.model.functions import binomial, gamma_log, logistic, poisson, where

__all__ = [
    "Beta",
    "Binomial",
    "Categorical",
    "Distribution",
    "Exponential",
    "Gamma",
    "HalfNormal",
    "LogNormal",
    "Normal",
    "Poisson",
    "Uniform",
]

Base = Literal["normal", "uniform"]
MAX_COUNT = 2**22
MAX_OPTIONS = 32
_UNIT: tuple[float, float] = (0, 1)
_POSITIVE: tuple[float, float] = (0, math.inf)


@dataclass(frozen=True)
class Distribution:
    """Base of all distributions; its fields are numbers or expressions.

    ``bases`` are the standard numbers that one draw spends, ``positive`` and ``within`` what its
    arguments may be, ``support`` where its values lie.
    """

    bases: ClassVar[tuple[Base, ...]] = ()
    positive: ClassVar[tuple[str, ...]] = ()
    within: ClassVar[dict[str, tuple[float, float]]] = {}
    support: ClassVar[tuple[float, float]] = (-math.inf, math.inf)

    def __post_init__(self) -> None:
        for f in fields(self):
            argument = f"{type(self).__name__}.{f.name}"
            value = to_expression(argument, getattr(self, f.name))
            if f.name in self.positive and value.is_number and not value > 0:
                raise refuse(argument, getattr(self, f.name), "a number above 0")
            low, high = self.within.get(f.name, (-math.inf, math.inf))
            if value.is_number and not low <= value <= high:
                raise refuse(argument, getattr(self, f.name), f"a number from {low:g} to {high:g}")
            object.__setattr__(self, f.name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as a call, so that what is unpickled has been checked."""
        return type(self), tuple(getattr(self, f.name) for f in fields(self))

    @property
    def arguments(self) -> dict[str, sp.Expr]:
        """Field name → expression."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def replaced(self, change: Callable[[sp.Expr], sp.Expr]) -> Self:
        """The same distribution with every argument changed."""
        return type(self)(**{k: change(v) for k, v in self.arguments.items()})

    def transform(self, *standard: sp.Expr) -> sp.Expr:  # noqa: ARG002  subclasses use it
        """The draw as an expression of its standard numbers, one for each of ``bases``."""
        raise refuse("draw", type(self).__name__, "a distribution the machine can draw: Beta, "
                     "Binomial, Exponential, Gamma, LogNormal, Normal, Poisson, Uniform")  # fmt: skip

    def moments(self) -> tuple[sp.Expr, sp.Expr]:
        """Mean and variance as expressions."""
        raise NotImplementedError

    def to_json(self) -> list[Any]:
        """JSON form ``[name, {field: expression}]``."""
        return [type(self).__name__, {k: to_json(v) for k, v in self.arguments.items()}]

    def __str__(self) -> str:
        inner = ", ".join(f"{float(v):g}" if v.is_number else str(v)
                          for v in self.arguments.values())  # fmt: skip
        return f"{type(self).__name__}({inner})"


@dataclass(frozen=True)
class Normal(Distribution):
    """Normal distribution.

    Examples
    --------
    >>> print(Normal(0, 0.5))
    Normal(0, 0.5)
    """

    mu: Any = 0
    sigma: Any = 1
    bases: ClassVar[tuple[Base, ...]] = ("normal",)
    positive: ClassVar[tuple[str, ...]] = ("sigma",)

    def transform(self, *standard: sp.Expr) -> sp.Expr:
        """Mu + sigma z."""
        return self.mu + self.sigma * standard[0]

    def moments(self) -> tuple[sp.Expr, sp.Expr]:
        """Mean and variance."""
        return self.mu, self.sigma**2


@dataclass(frozen=True)
class LogNormal(Distribution):
    """Log-normal distribution by its **arithmetic mean** and the sd of its logarithm.

    Examples
    --------
    >>> float(LogNormal(mean=6, sigma=0.8).moments()[0])
    6.0
    """

    mean: Any = 1
    sigma: Any = 1
    bases: ClassVar[tuple[Base, ...]] = ("normal",)
    positive: ClassVar[tuple[str, ...]] = ("mean", "sigma")
    support: ClassVar[tuple[float, float]] = _POSITIVE

    def transform(self, *standard: sp.Expr) -> sp.Expr:
        """Mean · exp(sigma z − sigma²/2)."""
        return self.mean * sp.exp(self.sigma * standard[0] - self.sigma**2 / 2)

    def moments(self) -> tuple[sp.Expr, sp.Expr]:
        """Mean and variance."""
        return self.mean, self.mean**2 * (sp.exp(self.sigma**2) - 1)


@dataclass(frozen=True)
class Exponential(Distribution):
    """Exponential distribution by its mean.

    Examples
    --------
    >>> Exponential(4)
    Exponential(mean=4)
    """

    mean: Any = 1
    bases: ClassVar[tuple[Base, ...]] = ("uniform",)
    positive: ClassVar[tuple[str, ...]] = ("mean",)
    support: ClassVar[tuple[float, float]] = _POSITIVE

    def transform(self, *standard: sp.Expr) -> sp.Expr:
        """−Mean · log u."""
        return -self.mean * sp.log(standard[0])

    def moments(self) -> tuple[sp.Expr, sp.Expr]:
        """Mean and variance."""
        return self.mean, self.mean**2


@dataclass(frozen=True)
class Uniform(Distribution):
    """Uniform distribution between ``low`` and ``high``.

    Examples
    --------
    >>> Uniform(-1, 1)
    Uniform(low=-1, high=1)
    """

    low: Any = 0
    high: Any = 1
    bases: ClassVar[tuple[Base, ...]] = ("uniform",)

    def transform(self, *standard: sp.Expr) -> sp.Expr:
        """Low + (high − low) u."""
        return self.low + (self.high - self.low) * standard[0]

    def moments(self) -> tuple[sp.Expr, sp.Expr]:
        """Mean and variance."""
        return (self.low + self.high) / 2, (self.high - self.low) ** 2 / 12


@dataclass(frozen=True)
class Beta(Distribution):
    """Beta distribution, of two gamma numbers; for shares and unequal chances.

    Examples
    --------
    >>> [float(m) for m in Beta(2, 2).moments()]
    [0.5, 0.05]
    """

    alpha: Any = 1
    beta: Any = 1
    bases: ClassVar[tuple[Base, ...]] = ("normal", "uniform", "uniform") * 2
    positive: ClassVar[tuple[str, ...]] = ("alpha", "beta")
    support: ClassVar[tuple[float, float]] = _UNIT

    def transform(self, *standard: sp.Expr) -> sp.Expr:
        """X / (X + Y) of gamma numbers X and Y, through their logarithms."""
        return logistic(gamma_log(*standard[:3], self.alpha) - gamma_log(*standard[3:], self.beta))

    def moments(self) -> tuple[sp.Expr, sp.Expr]:
        """Mean and variance."""
        total = self.alpha + self.beta
        return self.alpha / total, self.alpha * self.beta / (total**2 * (total + 1))


@dataclass(frozen=True)
class HalfNormal(Distribution):
    """Half-normal distribution; for priors of scales.

    Examples
    --------
    >>> str(HalfNormal(1))
    'HalfNormal(1)'
    """

    sigma: Any = 1
    positive: ClassVar[tuple[str, ...]] = ("sigma",)
    support: ClassVar[tuple[float, float]] = _POSITIVE

    def moments(self) -> tuple[sp.Expr, sp.Expr]:
        """Mean and variance."""
        return self.sigma * sp.sqrt(2 / sp.pi), self.sigma**2 * (1 - 2 / sp.pi)


@dataclass(frozen=True)
class Gamma(Distribution):
    """Gamma distribution by shape ``alpha`` and rate ``beta``; for scales and unequal rates.

    Examples
    --------
    >>> [float(m) for m in Gamma(3, 2).moments()]
    [1.5, 0.75]
    """

    alpha: Any = 1
    beta: Any = 1
    bases: ClassVar[tuple[Base, ...]] = ("normal", "uniform", "uniform")
    positive: ClassVar[tuple[str, ...]] = ("alpha", "beta")
    support: ClassVar[tuple[float, float]] = _POSITIVE

    def transform(self, *standard: sp.Expr) -> sp.Expr:
        """exp(logarithm of a Gamma(alpha, 1) number) / beta."""
        return sp.exp(gamma_log(*standard, self.alpha)) / self.beta

    def moments(self) -> tuple[sp.Expr, sp.Expr]:
        """Mean and variance."""
        return self.alpha / self.beta, self.alpha / self.beta**2


@dataclass(frozen=True)
class Poisson(Distribution):
    """Poisson distribution of a count by its rate, the mean count of a period.

    Examples
    --------
    >>> float(Poisson(2.5).moments()[1])
    2.5
    """

    rate: Any = 1
    bases: ClassVar[tuple[Base, ...]] = ("uniform",)
    within: ClassVar[dict[str, tuple[float, float]]] = {"rate": (0, MAX_COUNT)}
    support: ClassVar[tuple[float, float]] = _POSITIVE

    def transform(self, *standard: sp.Expr) -> sp.Expr:
        """The count whose distribution passes 1 − u."""
        return poisson(standard[0], self.rate)

    def moments(self) -> tuple[sp.Expr, sp.Expr]:
        """Mean and variance."""
        return self.rate, self.rate


@dataclass(frozen=True)
class Binomial(Distribution):
    """Binomial distribution of successes in ``trials`` with equal ``probability``.

    Trials from an expression are rounded down.

    Examples
    --------
    >>> float(Binomial(10, 0.2).moments()[0])
    2.0
    """

    trials: Any = 1
    probability: Any = 0.5
    bases: ClassVar[tuple[Base, ...]] = ("uniform",)
    within: ClassVar[dict[str, tuple[float, float]]] = {
        "trials": (0, MAX_COUNT), "probability": _UNIT,
    }  # fmt: skip
    support: ClassVar[tuple[float, float]] = _POSITIVE

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.trials.is_number and self.trials != int(self.trials):
            raise refuse("Binomial.trials", float(self.trials), "a whole number")

    def transform(self, *standard: sp.Expr) -> sp.Expr:
        """The count whose distribution passes 1 − u."""
        return binomial(standard[0], self.trials, self.probability)

    def moments(self) -> tuple[sp.Expr, sp.Expr]:
        """Mean and variance."""
        mean = self.trials * self.probability
        return mean, mean * (1 - self.probability)


@dataclass(frozen=True)
class Categorical(Distribution):
    """One of several options by multinomial logit; the number is the option's place, from 0.

    Parameters
    ----------
    utilities : Mapping
        Option → utility, a number or an expression; 2 to 32 options.

    Examples
    --------
    >>> mean, _ = Categorical({"stream": 0, "shelf": 0}).moments()
    >>> float(mean)
    0.5
    """

    utilities: Any
    bases: ClassVar[tuple[Base, ...]] = ("uniform",)
    support: ClassVar[tuple[float, float]] = _POSITIVE

    def __post_init__(self) -> None:
        if not isinstance(self.utilities, Mapping) or not 2 <= len(self.utilities) <= MAX_OPTIONS:
            raise refuse(
                "Categorical", self.utilities, f"2 to {MAX_OPTIONS} options with utilities"
            )
        for label in self.utilities:
            if not isinstance(label, str) or not label.isidentifier():
                raise refuse("Categorical", label, "options named like variables (snake_case)")
        object.__setattr__(
            self,
            "utilities",
            {k: to_expression(f"Categorical.{k}", v) for k, v in self.utilities.items()},
        )

    def __hash__(self) -> int:
        return hash(tuple(self.utilities.items()))

    @property
    def arguments(self) -> dict[str, sp.Expr]:
        """Option → utility."""
        return dict(self.utilities)

    def replaced(self, change: Callable[[sp.Expr], sp.Expr]) -> Self:
        """The same options with changed utilities."""
        return type(self)({k: change(v) for k, v in self.utilities.items()})

    def _weights(self) -> list[sp.Expr]:
        """Exponentials of the utilities' distances to the largest: none overflows, one is 1."""
        top = sp.Max(*self.utilities.values())
        return [sp.exp(v - top) for v in self.utilities.values()]

    def transform(self, *standard: sp.Expr) -> sp.Expr:
        """How many of the cumulated weights u times their sum has reached."""
        weights = self._weights()
        reached = standard[0] * sp.Add(*weights)
        return sp.Add(
            *(where(reached >= sp.Add(*weights[:k]), 1, 0) for k in range(1, len(weights)))
        )

    def moments(self) -> tuple[sp.Expr, sp.Expr]:
        """Mean and variance of the option's place."""
        weights = self._weights()
        total = sp.Add(*weights)
        mean, square = (
            sp.Add(*(sp.Integer(k) ** power * w for k, w in enumerate(weights))) / total
            for power in (1, 2)
        )
        return mean, square - mean**2

    def to_json(self) -> list[Any]:
        """JSON form; the options are a list because their order counts."""
        return [type(self).__name__, {"utilities": [[k, to_json(v)] for k, v in
                                                    self.utilities.items()]}]  # fmt: skip


_KINDS = {
    kind.__name__: kind
    for kind in (
        Normal, LogNormal, Exponential, Uniform, Beta, HalfNormal, Gamma, Poisson, Binomial,
        Categorical,
    )
}  # fmt: skip


def distribution_from_json(argument: str, data: Any) -> Distribution:
    """Read what :meth:`Distribution.to_json` wrote."""
    if not (isinstance(data, list) and len(data) == 2 and isinstance(data[1], dict)):
        raise refuse(argument, data, "[distribution, {field: expression}]")
    kind = _KINDS.get(data[0]) if isinstance(data[0], str) else None
    if kind is None or set(data[1]) != {f.name for f in fields(kind)}:
        raise refuse(argument, data, f"one of {', '.join(_KINDS)} with its fields")
    if kind is Categorical:
        pairs = data[1]["utilities"]
        if not isinstance(pairs, list) or any(
            not isinstance(p, list) or len(p) != 2 or not isinstance(p[0], str) for p in pairs
        ):
            raise refuse(argument, data, "a list of [option, utility]")
        return Categorical({k: from_json(f"{argument}.{k}", v) for k, v in pairs})
    return kind(**{k: from_json(f"{argument}.{k}", v) for k, v in data[1].items()})
