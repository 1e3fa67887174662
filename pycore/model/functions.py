"""Functions that equations may use beyond arithmetic.

The list is closed on purpose: each has an instruction in the machine, a printed form and a
derivative, so an equation that is accepted can be simulated, printed and estimated.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import sympy as sp

from pycore.errors import refuse
from pycore.model.checks import finite

__all__ = [
    "ALLOWED",
    "QUANTILES",
    "Aggregate",
    "average",
    "binomial",
    "gamma_log",
    "lines",
    "logistic",
    "lookup",
    "poisson",
    "share",
    "table",
    "total",
    "where",
]

MAX_KNOTS = 32


class _Real(sp.Function):  # type: ignore[misc]
    """A function of real numbers that is real, so that SymPy looks for no imaginary part."""

    def _eval_is_real(self) -> bool:
        return True


class logistic(_Real):  # noqa: N801  SymPy functions are lower case
    """1 / (1 + exp(−x)), kept whole so that it prints and compiles as one instruction.

    Examples
    --------
    >>> import sympy as sp
    >>> logistic(sp.Symbol("x")), logistic(0)
    (logistic(x), 1/2)
    """

    nargs = 1

    @classmethod
    def eval(cls, x: Any) -> Any:
        """Value at a number; stays symbolic otherwise."""
        if x.is_Number:
            return 1 / (1 + sp.exp(-x))
        return None

    def fdiff(self, argindex: int = 1) -> Any:  # noqa: ARG002  one argument
        """Derivative p (1 − p)."""
        return self * (1 - self)

    def _latex(self, printer: Any, exp: Any = None) -> str:
        text = rf"\operatorname{{logistic}}\left({printer._print(self.args[0])}\right)"
        return text if exp is None else rf"{text}^{{{exp}}}"


class Aggregate(_Real):
    """A number made of many consumers; allowed in environments only."""

    nargs = 1
    marks = (r"\left\langle {} \right\rangle", "⟨{}⟩")  # in LaTeX, in plain text

    def _latex(self, printer: Any, exp: Any = None) -> str:
        text = self.marks[0].replace("{}", str(printer._print(self.args[0])))
        return text if exp is None else rf"{text}^{{{exp}}}"


class average(Aggregate):  # noqa: N801
    """Mean over the active consumers of a population, community or neighbourhood (0 over nobody).

    Examples
    --------
    >>> average(sp.Symbol("mood", real=True))
    average(mood)
    """


class total(Aggregate):  # noqa: N801
    """Sum over the active consumers of a population, community or neighbourhood.

    A sum grows with the number of simulated consumers; what it is compared with, such as a stock or
    a number of servers, must be meant for that number.

    Examples
    --------
    >>> total(sp.Symbol("bought", real=True))
    total(bought)
    """

    marks = (r"\textstyle\sum_i \left( {} \right)", "Σ({})")


class share(Aggregate):  # noqa: N801
    """Sum over the active consumers, divided by the number of consumers at the start.

    Those who have left are in the denominator, so ``share(left)``, added up, is the share gone.

    Examples
    --------
    >>> share(sp.Symbol("left", real=True))
    share(left)
    """

    marks = (r"\textstyle\frac{1}{N} \sum_i \left( {} \right)", "Σ({})/N")


class lookup(_Real):  # noqa: N801
    """Straight lines between knots; arguments are what is looked up, then x and y of each knot."""

    @classmethod
    def eval(cls, x: Any, *knots: Any) -> Any:
        """Check the knots; the value at a number."""
        if len(knots) % 2 or not 4 <= len(knots) <= 2 * MAX_KNOTS:
            raise refuse("table", f"{len(knots)} numbers", f"2 to {MAX_KNOTS} pairs of x and y")
        if not all(k.is_Number and k.is_finite for k in knots):
            raise refuse("table", knots, "finite numbers as knots")
        if any(a >= b for a, b in pairwise(knots[::2])):
            raise refuse("table xs", [float(k) for k in knots[::2]], "increasing numbers")
        return lines(x, knots) if x.is_Number else None

    def lines(self) -> Any:
        """The same as a sum over segments, which is what runs and what is averaged."""
        return lines(self.args[0], self.args[1:])

    def _points(self, printer: Any, arrow: str, gap: str, dots: str) -> str:
        pairs = [
            f"{printer._print(x)}{arrow}{printer._print(y)}"
            for x, y in zip(self.args[1::2], self.args[2::2], strict=True)
        ]
        return gap.join(pairs if len(pairs) <= 6 else [*pairs[:3], dots, *pairs[-2:]])

    def _latex(self, printer: Any, exp: Any = None) -> str:
        points = self._points(printer, r" \mapsto ", r",\, ", r"\dots")
        inner = rf"{printer._print(self.args[0])};\; {points}"
        text = rf"\operatorname{{table}}\left({inner}\right)"
        return text if exp is None else rf"{text}^{{{exp}}}"

    def _sympystr(self, printer: Any) -> str:
        points = self._points(printer, " → ", ", ", "…")
        return f"table({printer._print(self.args[0])}; {points})"


def lines(x: Any, knots: Sequence[Any]) -> Any:
    """The first y plus, for each segment, its slope times how far x has come in it.

    The distance to a segment's left end is taken first, so that knots far from 0 (years) cost no
    digits.
    """
    points = list(zip(knots[::2], knots[1::2], strict=True))
    total = points[0][1]
    for (left, low), (right, high) in pairwise(points):
        if low != high:
            slope = (high - low) / (right - left)
            total += slope * sp.Min(sp.Max(x - left, 0), right - left)
    return total


def table(x: Any, xs: Sequence[float], ys: Sequence[float]) -> Any:
    """Piecewise-linear function through given points, constant outside them.

    Parameters
    ----------
    x : expression
        What is looked up.
    xs : sequence of float
        Increasing numbers, 2 to 32 of them.
    ys : sequence of float
        The value at each.

    Returns
    -------
    sympy.Expr

    Raises
    ------
    InputError
        If there are too few or too many points, they do not increase, or are not finite numbers.

    Examples
    --------
    >>> x = sp.Symbol("x", real=True)
    >>> [float(table(x, [0, 10, 20], [1, 3, 2]).subs(x, at)) for at in (-5, 5, 15, 99)]
    [1.0, 2.0, 2.5, 2.0]
    """
    knots = []
    for argument, values in (("table xs", xs), ("table ys", ys)):
        if isinstance(values, str) or not hasattr(values, "__len__"):
            raise refuse(argument, values, "a sequence of numbers")
        knots.append([sp.sympify(finite(argument, v)) for v in values])
    if len(knots[0]) != len(knots[1]):
        raise refuse("table", (len(xs), len(ys)), "as many ys as xs")
    flat = [k for pair in zip(*knots, strict=True) for k in pair]
    return lookup(sp.sympify(x), *flat)


class poisson(_Real):  # noqa: N801
    """Poisson count that is reached or passed with probability u, of u and the rate."""

    nargs = 2


class binomial(_Real):  # noqa: N801
    """Binomial count that is reached or passed with probability u, of u, trials and chance."""

    nargs = 3


class gamma_log(_Real):  # noqa: N801
    """Log of a Gamma(shape, 1) number, of one normal and two uniform numbers and the shape.

    Whole, because a logarithm is finite where a tiny shape gives a number below the smallest float.
    """

    nargs = 4


def where(condition: Any, yes: Any, no: Any) -> Any:
    """``yes`` where the condition holds, else ``no``.

    Examples
    --------
    >>> x = sp.Symbol("x", real=True)
    >>> where(x > 0, x, 0).subs(x, -2)
    0
    """
    return sp.Piecewise((yes, condition), (no, True))


# SymPy class → name in JSON, messages and documentation.
ALLOWED: dict[Any, str] = {
    sp.Add: "+",
    sp.Mul: "*",
    sp.Pow: "**",
    sp.exp: "exp",
    sp.log: "log",
    sp.Max: "max",
    sp.Min: "min",
    sp.Abs: "abs",
    sp.floor: "floor",
    logistic: "logistic",
    sp.Piecewise: "where",
    sp.StrictLessThan: "<",
    sp.LessThan: "<=",
    sp.StrictGreaterThan: ">",
    sp.GreaterThan: ">=",
    sp.Equality: "==",
    sp.And: "and",
    sp.Or: "or",
    sp.Not: "not",
    sp.ITE: "?:",  # what SymPy makes of a comparison with a `where`
    average: "average",
    lookup: "table",
    total: "total",
    share: "share",
}
# What distributions are made of; a model writes the distribution, not these.
QUANTILES: dict[Any, str] = {poisson: "poisson", binomial: "binomial", gamma_log: "gamma_log"}
