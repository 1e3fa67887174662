"""Functions that equations may use beyond arithmetic.

The list is closed on purpose: each has an instruction in the machine, a printed form and a
derivative, so an equation that is accepted can be simulated, printed and estimated.
"""

from __future__ import annotations

from typing import Any

import sympy as sp

__all__ = ["ALLOWED", "average", "logistic", "where"]


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


class average(sp.Function):  # type: ignore[misc]  # noqa: N801
    """Mean over all consumers of a community or population; allowed in environments only."""

    nargs = 1

    def _latex(self, printer: Any, exp: Any = None) -> str:  # noqa: ARG002  never a power
        return rf"\left\langle {printer._print(self.args[0])} \right\rangle"


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
}
