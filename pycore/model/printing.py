"""Printers for the expressions of a model, in LaTeX and in plain text.

SymPy orders terms by its own canonical rules; a reader expects the constant first and then the
words in the order in which the model declares them, parameters before what they multiply.  Both
printers below share that order.
"""

# ruff: noqa: N802, ARG002  names and arguments of SymPy's printer methods
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp
from sympy.printing.latex import LatexPrinter
from sympy.printing.str import StrPrinter

from pycore.model.functions import Aggregate, logistic, lookup

__all__ = ["LatexExpressions", "PlainExpressions", "ordered_terms", "short_number"]

Naming = Callable[[str], str]


def short_number(value: float) -> str:
    """A number with at most four significant digits.

    Examples
    --------
    >>> short_number(0.30000000000000004), short_number(5.0), short_number(1e-7)
    ('0.3', '5', '1e-07')
    """
    return f"{value:.4g}"


def ordered_terms(expression: sp.Expr, rank: dict[str, int]) -> list[sp.Expr]:
    """Terms of a sum: constants first, then words as declared, no leading minus if avoidable."""

    def key(term: sp.Expr) -> Any:
        words = sorted(rank.get(s.name, -1) for s in term.free_symbols)
        variable = [w for w in words if w >= 0]
        return bool(variable), variable[-1:], len(variable), variable, words, str(term)

    terms = sorted(sp.Add.make_args(expression), key=key)
    if terms and _negative(terms[0]) and any(s.name in rank for s in terms[0].free_symbols):
        lead = next((t for t in terms if not _negative(t)), None)
        if lead is not None:
            terms.remove(lead)
            terms.insert(0, lead)
    return terms


def _negative(term: sp.Expr) -> bool:
    return bool(term.as_coeff_Mul()[0] < 0)


def _ordered_factors(expression: sp.Expr, rank: dict[str, int]) -> list[sp.Expr]:
    def key(factor: sp.Expr) -> Any:
        names = [rank.get(s.name, -1) for s in factor.free_symbols]
        size = 0 if factor.is_number else 1 if factor.is_Symbol or factor.is_Pow else 2
        return size + isinstance(factor, sp.Add), max(names, default=-2), str(factor)

    return sorted(sp.Mul.make_args(expression), key=key)


def _ordered_arguments(expression: sp.Expr, rank: dict[str, int]) -> list[sp.Expr]:
    def key(argument: sp.Expr) -> Any:
        words = sorted(rank.get(s.name, -1) for s in argument.free_symbols)
        return not argument.is_number, words, str(argument)

    return sorted(expression.args, key=key)


def _either(condition: sp.ITE) -> Any:
    """If c then a else b, said with "and" and "or"."""
    c, yes, no = condition.args
    return sp.Or(sp.And(c, yes), sp.And(sp.Not(c), no))


class LatexExpressions(LatexPrinter):  # type: ignore[misc]
    """SymPy's LaTeX printer with the model's symbols and order.

    Parameters
    ----------
    naming : callable
        Name of a word → its LaTeX, time index included.
    rank : dict of str to int
        Order of declaration; parameters are −1.
    """

    def __init__(self, naming: Naming, rank: dict[str, int]) -> None:
        super().__init__({"mul_symbol": r" \, "})
        self._naming = naming
        self._rank = rank

    def _print_Symbol(self, expr: Any, style: str = "plain") -> str:
        return self._naming(expr.name)

    def _print_Float(self, expr: Any) -> str:
        mantissa, _, exponent = short_number(float(expr)).partition("e")
        return rf"{mantissa} \times 10^{{{int(exponent)}}}" if exponent else mantissa

    def _print_Add(self, expr: Any, order: Any = None) -> str:
        return signed_sum([self._print(t) for t in ordered_terms(expr, self._rank)])

    def _print_Mul(self, expr: Any) -> str:
        coefficient, rest = expr.as_coeff_Mul()
        if coefficient < 0:
            return "-" + self._bracketed(-coefficient * rest)
        upper, lower = sp.fraction(expr, exact=True)
        if lower != 1:
            return rf"\frac{{{self._print(upper)}}}{{{self._print(lower)}}}"
        factors = _ordered_factors(expr, self._rank)
        printed = [self._bracketed(f) for f in factors]
        text = printed[0]
        for k in range(1, len(factors)):
            numbers = factors[k - 1].is_number and factors[k].is_number
            # Two upright names side by side would read as one.
            names = r"\mathrm" in printed[k - 1] and printed[k].startswith(r"\mathrm")
            text += (r" \cdot " if numbers or names else r" \, ") + printed[k]
        return text

    def _print_Pow(self, expr: Any) -> str:
        if expr.exp.is_negative:
            return rf"\frac{{1}}{{{self._print(1 / expr)}}}"
        return str(super()._print_Pow(expr))

    def _print_ExpBase(self, expr: Any, exp: Any = None) -> str:
        inner = self._print(expr.args[0])
        small = expr.args[0].is_Symbol or expr.args[0].is_number or (-expr.args[0]).is_Symbol
        text = rf"e^{{{inner}}}" if small else rf"\exp\left({inner}\right)"
        return text if exp is None else rf"\left({text}\right)^{{{exp}}}"

    def _print_Max(self, expr: Any, exp: Any = None) -> str:
        return self._extreme(r"\max", expr, exp)

    def _print_Min(self, expr: Any, exp: Any = None) -> str:
        return self._extreme(r"\min", expr, exp)

    def _print_Piecewise(self, expr: Any) -> str:
        rows = []
        for value, condition in expr.args:
            says = r"\text{otherwise}" if condition == sp.true else (
                rf"\text{{if }} {self._print(condition)}")  # fmt: skip
            rows.append(rf"{self._print(value)} & {says}")
        return r"\begin{cases} " + r" \\ ".join(rows) + r" \end{cases}"

    def _print_ITE(self, expr: Any) -> str:
        return str(self._print(_either(expr)))

    def _extreme(self, head: str, expr: Any, exp: Any) -> str:
        args = _ordered_arguments(expr, self._rank)
        text = rf"{head}\left({', '.join(self._print(a) for a in args)}\right)"
        return text if exp is None else rf"{text}^{{{exp}}}"

    def _bracketed(self, factor: Any) -> str:
        text = str(self._print(factor))
        if isinstance(factor, sp.Add | sp.Piecewise):
            return rf"\left({text}\right)"
        return text


class PlainExpressions(StrPrinter):  # type: ignore[misc]
    """Plain text in the same order, with words by name and a middle dot for products."""

    def __init__(self, naming: Naming, rank: dict[str, int]) -> None:
        super().__init__()
        self._naming = naming
        self._rank = rank

    def _print_Symbol(self, expr: Any) -> str:
        return self._naming(expr.name)

    def _print_Float(self, expr: Any) -> str:
        return short_number(float(expr)).replace("-", "−")

    def _print_Integer(self, expr: Any) -> str:
        return str(int(expr)).replace("-", "−")

    def _print_Add(self, expr: Any, order: Any = None) -> str:
        return signed_sum([self._print(t) for t in ordered_terms(expr, self._rank)], minus="−")

    def _print_Mul(self, expr: Any) -> str:
        coefficient, rest = expr.as_coeff_Mul()
        if coefficient < 0:
            return "−" + self._bracketed(-coefficient * rest)
        upper, lower = sp.fraction(expr, exact=True)
        if lower != 1:
            return f"{self._bracketed(upper)} / {self._bracketed(lower, product=True)}"
        return "·".join(self._bracketed(f) for f in _ordered_factors(expr, self._rank))

    def _print_Pow(self, expr: Any, rational: bool = False) -> str:
        if expr.exp == sp.Rational(1, 2):
            return f"sqrt({self._print(expr.base)})"
        if expr.exp.is_negative:
            return f"1 / {self._bracketed(1 / expr, product=True)}"
        return f"{self._bracketed(expr.base, product=True)}^{self._print(expr.exp)}"

    def _print_ITE(self, expr: Any) -> str:
        return str(self._print(_either(expr)))

    def _print_Relational(self, expr: Any) -> str:
        if isinstance(expr, sp.Equality):
            return f"{self._print(expr.lhs)} = {self._print(expr.rhs)}"
        return str(super()._print_Relational(expr))

    def _print_Max(self, expr: Any) -> str:
        return self._extreme("max", expr)

    def _print_Min(self, expr: Any) -> str:
        return self._extreme("min", expr)

    def _print_Function(self, expr: Any) -> str:
        inner = ", ".join(self._print(a) for a in expr.args)
        if isinstance(expr, lookup):
            return expr._sympystr(self)
        if isinstance(expr, Aggregate):
            return expr.marks[1].replace("{}", inner)
        head = "logistic" if isinstance(expr, logistic) else type(expr).__name__
        return f"{head}({inner})"

    def _print_Piecewise(self, expr: Any) -> str:
        parts = [
            self._print(value) + ("" if c == sp.true else f" if {self._print(c)}")
            for value, c in expr.args
        ]
        return f"({' else '.join(parts)})"

    def _extreme(self, head: str, expr: Any) -> str:
        args = _ordered_arguments(expr, self._rank)
        return f"{head}({', '.join(self._print(a) for a in args)})"

    def _bracketed(self, factor: Any, product: bool = False) -> str:
        text = str(self._print(factor))
        loose = isinstance(factor, sp.Add) or (product and factor.is_Mul)
        return f"({text})" if loose else text


def signed_sum(terms: list[str], minus: str = "-") -> str:
    """Join printed terms by their signs.

    Examples
    --------
    >>> signed_sum(["a", "-b", "c"])
    'a - b + c'
    """
    if not terms:
        return "0"
    text = terms[0]
    for term in terms[1:]:
        negative = term.startswith(minus)
        text += f" {minus} {term.removeprefix(minus).lstrip()}" if negative else f" + {term}"
    return text
