"""Functions that equations may use beyond arithmetic.

The list is closed on purpose: each has an instruction in the machine, a printed form and a
derivative, so an equation that is accepted can be simulated, printed and estimated.
"""

from __future__ import annotations

from typing import Any

import sympy as sp

__all__ = ["ALLOWED", "Aggregate", "average", "logistic", "share", "total", "where"]


class logistic(sp.Function):  # type: ignore[misc]  # noqa: N801  SymPy functions are lower case
    """1 / (1 + exp(−x)), kept whole so that it prints and compiles as one instruction."""

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


class Aggregate(sp.Function):  # type: ignore[misc]
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
    average: "average",
    total: "total",
    share: "share",
}
