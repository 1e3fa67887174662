"""Numbers from expressions, in whatever array library is handed in.

The same walk over an equation gives NumPy arrays for averages and a PyTensor graph for a
likelihood, so that the two cannot disagree about what an equation means.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

import sympy as sp

from pycore.errors import refuse
from pycore.model.functions import ALLOWED, QUANTILES, lookup

__all__ = ["Operations", "evaluate", "numpy_operations"]

Operations = Mapping[str, Callable[..., Any]]


def evaluate(
    expression: sp.Basic,
    values: Mapping[str, Any],
    operations: Operations | None = None,
    memo: dict[sp.Basic, Any] | None = None,
) -> Any:
    """Value of an expression.

    Parameters
    ----------
    expression : sympy.Basic
        Built from the functions of :mod:`pycore.model.functions`.
    values : Mapping
        Name of each symbol → number, array or graph node; they broadcast against each other.
    operations : Mapping, optional
        Function name → function on values; NumPy's by default.
    memo : dict, optional
        Values of subexpressions already known for the same ``values``; filled as it goes.

    Returns
    -------
    Any
        Whatever the operations return.

    Examples
    --------
    >>> from pycore.model.expressions import symbol
    >>> float(evaluate(sp.Max(0, symbol("x") - 1), {"x": 3.0}))
    2.0
    """
    table = numpy_operations() if operations is None else operations
    known: dict[sp.Basic, Any] = {} if memo is None else memo

    def value(node: sp.Basic) -> Any:
        if node not in known:
            known[node] = fresh(node)
        return known[node]

    def fresh(node: sp.Basic) -> Any:
        if isinstance(node, sp.Symbol):
            return values[node.name]
        if node is sp.true or node is sp.false:
            return bool(node)
        if isinstance(node, sp.Number | sp.NumberSymbol):
            return float(node)
        if isinstance(node, sp.Pow):
            return power(node)
        if isinstance(node, sp.Piecewise):
            branches = [(value(v), value(c)) for v, c in node.args]
            otherwise = branches[-1][0]
            for chosen, condition in reversed(branches[:-1]):
                otherwise = table["where"](condition, chosen, otherwise)
            return otherwise
        if isinstance(node, lookup):
            return value(node.lines())
        if isinstance(node, sp.ITE):
            return table["where"](*(value(a) for a in node.args))
        name = ALLOWED.get(node.func) or QUANTILES.get(node.func)
        if name is None or name not in table:
            raise refuse("expression", node, f"functions among {', '.join(sorted(table))}")
        arguments = [value(a) for a in node.args]
        if name in ("+", "*", "max", "min", "and", "or"):
            return reduce(table[name], arguments)
        return table[name](*arguments)

    def power(node: sp.Pow) -> Any:
        if node.base is sp.E:
            return table["exp"](value(node.exp))
        return table["**"](value(node.base), float(node.exp))

    return value(expression)


def numpy_operations() -> Operations:
    """Operations on NumPy arrays."""
    import numpy as np

    return {
        "+": np.add, "*": np.multiply, "**": np.power, "exp": np.exp, "log": np.log,
        "max": np.maximum, "min": np.minimum, "abs": np.abs, "floor": np.floor,
        "logistic": _logistic, "where": np.where, "<": np.less, "<=": np.less_equal,
        ">": np.greater, ">=": np.greater_equal, "==": np.equal, "and": np.logical_and,
        "or": np.logical_or, "not": np.logical_not, "poisson": _poisson, "binomial": _binomial,
        "gamma_log": _gamma_log,
    }  # fmt: skip


def _logistic(x: Any) -> Any:
    from scipy.special import expit  # only where it is needed: a simulation imports no SciPy

    return expit(x)


def _poisson(u: Any, rate: Any) -> Any:
    import numpy as np
    from scipy import stats

    return np.where(np.greater(rate, 0), stats.poisson.isf(u, np.maximum(rate, 1e-300)), 0.0)


def _binomial(u: Any, trials: Any, chance: Any) -> Any:
    import numpy as np
    from scipy import stats

    return stats.binom.isf(u, np.floor(np.maximum(trials, 0)), np.clip(chance, 0, 1))


def _gamma_log(z: Any, first: Any, second: Any, shape: Any) -> Any:
    import numpy as np
    from scipy.special import gammainccinv, gammaincinv, ndtr

    tail = ndtr(-np.abs(z))
    above = np.add(shape, 2)
    whole = np.where(np.less(z, 0), gammaincinv(above, tail), gammainccinv(above, tail))
    return np.log(whole) + np.log(first) / shape + np.log(second) / np.add(shape, 1)
