"""Expressions: what is allowed in an equation, and a JSON form that needs no evaluation of code.

A JSON expression is a number, a name, or a list ``[function, argument, …]``; reading one builds
SymPy nodes from the closed list in :mod:`pycore.model.functions` and can do nothing else.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Collection
from typing import Any

import sympy as sp
from sympy.functions.elementary.piecewise import ExprCondPair
from sympy.logic.boolalg import Boolean

from pycore.errors import InputError, refuse, require_name
from pycore.model.functions import ALLOWED, Aggregate

__all__ = ["check", "from_json", "symbol", "to_expression", "to_json"]

_BY_NAME = {name: head for head, name in ALLOWED.items()}
_LOGICAL = {"and", "or", "not", "?:"}
_MAX_DEPTH = 200


def symbol(name: str) -> sp.Symbol:
    """The SymPy symbol of a named element; equal names are equal symbols."""
    return sp.Symbol(name, real=True)


def to_expression(argument: str, value: Any) -> sp.Expr:
    """Take a number or SymPy expression; refuse anything else and every non-finite number."""
    if isinstance(value, bool | str):
        raise refuse(argument, value, "a number or a SymPy expression of declared names")
    try:
        expression = sp.sympify(value, strict=True)
    except sp.SympifyError:
        raise refuse(argument, value, "a number or a SymPy expression of declared names") from None
    if not isinstance(expression, sp.Expr):
        raise refuse(argument, value, "a number or a SymPy expression of declared names")
    if expression.has(sp.nan, sp.zoo, sp.oo, -sp.oo, sp.I):
        raise refuse(argument, value, "finite real numbers only")
    if not all(_representable(number) for number in expression.atoms(sp.Float)):
        raise refuse(argument, value, "numbers from 2.3e-308 to 1.7e308 in size, and 0")
    return expression


def _representable(number: sp.Float) -> bool:
    """SymPy's exponents have no end; JSON's numbers are doubles."""
    return bool(number.is_zero) or sys.float_info.min < abs(number) < sys.float_info.max


def check(argument: str, expression: sp.Basic, known: Collection[str]) -> None:
    """Refuse functions without an instruction and symbols that nobody declared."""
    for node in sp.preorder_traversal(expression):
        if isinstance(node, sp.Symbol):
            if node.name not in known:
                require_name(argument, node.name, known)
            if node != symbol(node.name):
                raise refuse(argument, node, f"the symbol the model returned for '{node.name}'")
        elif isinstance(node, sp.Pow) and not _power_allowed(node):
            raise refuse(
                argument, node, "powers with a whole or half exponent up to 8 (write exp and log)"
            )
        elif node.args and node.func not in ALLOWED and not isinstance(node, ExprCondPair):
            functions = ", ".join(
                n for f, n in ALLOWED.items() if n.isalpha() and not issubclass(f, Aggregate)
            )
            raise refuse(argument, f"{node.func.__name__}({', '.join(map(str, node.args))})",
                         f"arithmetic and the functions {functions}, sqrt")  # fmt: skip


def _power_allowed(node: sp.Pow) -> bool:
    if isinstance(node.base, sp.exp | type(sp.E)):
        return True
    doubled = 2 * node.exp
    return bool(doubled.is_Integer) and abs(int(doubled)) <= 16


def to_json(expression: sp.Basic) -> Any:
    """Plain JSON data for an expression.

    Examples
    --------
    >>> to_json(2 * symbol("x") + 1)
    ['+', 1, ['*', 2, 'x']]
    """
    if isinstance(expression, sp.Symbol):
        return expression.name
    if expression is sp.true or expression is sp.false:
        return bool(expression)
    if expression is sp.E:
        return ["exp", 1]
    if isinstance(expression, sp.Integer):
        return int(expression)
    if isinstance(expression, sp.Rational):
        return ["/", int(expression.p), int(expression.q)]
    if isinstance(expression, sp.Number | sp.NumberSymbol):
        return float(expression)
    if isinstance(expression, sp.Piecewise):
        flat = [part for branch in expression.args for part in branch.args]
        return ["where", *(to_json(part) for part in flat)]
    args = sorted(expression.args, key=sp.default_sort_key) if _commutes(expression) else (
        expression.args)  # fmt: skip
    return [ALLOWED[expression.func], *(to_json(a) for a in args)]


def _commutes(expression: sp.Basic) -> bool:
    return isinstance(expression, sp.Add | sp.Mul | sp.Max | sp.Min | sp.And | sp.Or)


def _huge(base: Any, exponent: Any) -> bool:
    """Whether SymPy would write out a number that takes long or does not fit into memory."""
    if not (base.is_Rational and exponent.is_Rational):
        return False
    bits = max(int(base.p).bit_length(), int(base.q).bit_length())
    return bool(bits * abs(exponent) > 4000)


def from_json(argument: str, data: Any, depth: int = 0) -> Any:
    """Build the expression that :func:`to_json` wrote; refuse everything else."""
    if depth > _MAX_DEPTH:
        raise InputError(f"{argument}: nested deeper than {_MAX_DEPTH} levels")
    if isinstance(data, bool):
        return sp.true if data else sp.false
    if isinstance(data, int):
        return sp.Integer(data)
    if isinstance(data, float):
        if not math.isfinite(data):
            raise refuse(argument, data, "a finite number")
        return sp.Float(data)
    if isinstance(data, str):
        return symbol(data)
    if not isinstance(data, list) or len(data) < 2 or not isinstance(data[0], str):
        raise refuse(argument, data, "a number, a name or a list [function, argument, ...]")
    head = data[0]
    if head == "/":
        if len(data) == 3 and all(type(v) is int for v in data[1:]) and data[2] != 0:
            return sp.Rational(data[1], data[2])
        raise refuse(argument, data, "['/', integer, non-zero integer]")
    require_name(argument, head, _BY_NAME)
    args = [from_json(argument, part, depth + 1) for part in data[1:]]
    conditions = args if head in _LOGICAL else args[1::2] if head == "where" else []
    numbers = [] if head in _LOGICAL else args[::2] if head == "where" else args
    if not all(isinstance(a, Boolean) for a in conditions):
        raise refuse(argument, data, f"conditions where {head} has conditions")
    if not all(isinstance(a, sp.Expr) for a in numbers):
        raise refuse(argument, data, f"numbers where {head} has numbers")
    try:
        if head == "where":
            if len(args) % 2:
                raise refuse(argument, data, "pairs of value and condition")
            return sp.Piecewise(*zip(args[::2], args[1::2], strict=True))
        if head == "**" and _huge(*args):
            raise refuse(argument, data, "powers of numbers with at most 4000 bits")
        return _BY_NAME[head](*args)
    except (TypeError, ValueError, AttributeError) as error:
        raise refuse(argument, data, f"arguments that {head} accepts ({error})") from None
