"""Distributions of draws, traits and priors.

A distribution that the machine can draw says how: as an expression of one standard normal or one
uniform number.  The same expression is averaged by quadrature for the long-run structural form.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal

import sympy as sp

from pycore.errors import refuse
from pycore.model.expressions import from_json, to_expression, to_json

__all__ = [
    "Beta",
    "Distribution",
    "Exponential",
    "Gamma",
    "HalfNormal",
    "LogNormal",
    "Normal",
    "Uniform",
]

Base = Literal["normal", "uniform"]


@dataclass(frozen=True)
class Distribution:
    """Base of all distributions; its fields are numbers or expressions of parameters."""

    base: ClassVar[Base | None] = None
    positive: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        for f in fields(self):
            argument = f"{type(self).__name__}.{f.name}"
            value = to_expression(argument, getattr(self, f.name))
            if f.name in self.positive and value.is_number and not value > 0:
                raise refuse(argument, getattr(self, f.name), "a number above 0")
            object.__setattr__(self, f.name, value)

    @property
    def arguments(self) -> dict[str, sp.Expr]:
        """Field name → expression."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def transform(self, standard: sp.Expr) -> sp.Expr:  # noqa: ARG002  subclasses use it
        """The draw as an expression of one standard ``base`` number."""
        raise refuse("draw", type(self).__name__, "a distribution the machine can draw: Normal, "
                     "LogNormal, Exponential, Uniform")  # fmt: skip

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
    base: ClassVar[Base | None] = "normal"
    positive: ClassVar[tuple[str, ...]] = ("sigma",)

    def transform(self, standard: sp.Expr) -> sp.Expr:
        """Mu + sigma z."""
        return self.mu + self.sigma * standard

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
    base: ClassVar[Base | None] = "normal"
    positive: ClassVar[tuple[str, ...]] = ("mean", "sigma")

    def transform(self, standard: sp.Expr) -> sp.Expr:
        """Mean · exp(sigma z − sigma²/2)."""
        return self.mean * sp.exp(self.sigma * standard - self.sigma**2 / 2)

    def moments(self) -> tuple[sp.Expr, sp.Expr]:
        """Mean and variance."""
        return self.mean, self.mean**2 * (sp.exp(self.sigma**2) - 1)


@dataclass(frozen=True)
class Exponential(Distribution):
    """Exponential distribution by its mean."""

    mean: Any = 1
    base: ClassVar[Base | None] = "uniform"
    positive: ClassVar[tuple[str, ...]] = ("mean",)

    def transform(self, standard: sp.Expr) -> sp.Expr:
        """−Mean · log u."""
        return -self.mean * sp.log(standard)

    def moments(self) -> tuple[sp.Expr, sp.Expr]:
        """Mean and variance."""
        return self.mean, self.mean**2


@dataclass(frozen=True)
class Uniform(Distribution):
    """Uniform distribution between ``low`` and ``high``."""

    low: Any = 0
    high: Any = 1
    base: ClassVar[Base | None] = "uniform"

    def transform(self, standard: sp.Expr) -> sp.Expr:
        """Low + (high − low) u."""
        return self.low + (self.high - self.low) * standard

    def moments(self) -> tuple[sp.Expr, sp.Expr]:
        """Mean and variance."""
        return (self.low + self.high) / 2, (self.high - self.low) ** 2 / 12


@dataclass(frozen=True)
class Beta(Distribution):
    """Beta distribution; a prior, or a draw that is declared and printed but not yet simulated."""

    alpha: Any = 1
    beta: Any = 1
    positive: ClassVar[tuple[str, ...]] = ("alpha", "beta")

    def moments(self) -> tuple[sp.Expr, sp.Expr]:
        """Mean and variance."""
        total = self.alpha + self.beta
        return self.alpha / total, self.alpha * self.beta / (total**2 * (total + 1))


@dataclass(frozen=True)
class HalfNormal(Distribution):
    """Half-normal distribution; for priors of scales."""

    sigma: Any = 1
    positive: ClassVar[tuple[str, ...]] = ("sigma",)

    def moments(self) -> tuple[sp.Expr, sp.Expr]:
        """Mean and variance."""
        return self.sigma * sp.sqrt(2 / sp.pi), self.sigma**2 * (1 - 2 / sp.pi)


@dataclass(frozen=True)
class Gamma(Distribution):
    """Gamma distribution by shape and rate; for priors of scales."""

    alpha: Any = 1
    beta: Any = 1
    positive: ClassVar[tuple[str, ...]] = ("alpha", "beta")

    def moments(self) -> tuple[sp.Expr, sp.Expr]:
        """Mean and variance."""
        return self.alpha / self.beta, self.alpha / self.beta**2


_KINDS = {
    kind.__name__: kind
    for kind in (Normal, LogNormal, Exponential, Uniform, Beta, HalfNormal, Gamma)
}


def distribution_from_json(argument: str, data: Any) -> Distribution:
    """Read what :meth:`Distribution.to_json` wrote."""
    if not (isinstance(data, list) and len(data) == 2 and isinstance(data[1], dict)):
        raise refuse(argument, data, "[distribution, {field: expression}]")
    kind = _KINDS.get(data[0]) if isinstance(data[0], str) else None
    if kind is None or set(data[1]) != {f.name for f in fields(kind)}:
        raise refuse(argument, data, f"one of {', '.join(_KINDS)} with its fields")
    return kind(**{k: from_json(f"{argument}.{k}", v) for k, v in data[1].items()})
