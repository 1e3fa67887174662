"""The words of a model as its equations write them: with the index valid at that point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import sympy as sp

from pycore.model.elements import Element, Environment, Parameter, State, Trait
from pycore.model.equation import Equation, Kind
from pycore.model.notation import latex_symbol, subscripted
from pycore.model.printing import LatexExpressions, PlainExpressions

if TYPE_CHECKING:
    from pycore.model.model import Model

__all__ = ["IndexedWords"]


class IndexedWords:
    """Symbols and expressions of a model, while a writer walks through a period.

    Attributes
    ----------
    updated : set of str
        States whose update the walk has passed.
    now : str
        Index of the period.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        self.elements = model.elements
        self.updated: set[str] = set()
        self.now = "t"
        rank = {
            name: -1 if isinstance(e, Parameter) else k
            for k, (name, e) in enumerate(self.elements.items())
        }
        self.rank = rank
        self._latex = LatexExpressions(lambda name: self.symbol(name), rank)
        self._plain = PlainExpressions(lambda name: self.word(name), rank)

    def index(self, name: str) -> str:
        """The index a word carries at this point of the period."""
        element = self.elements[name]
        if isinstance(element, Trait):
            return "i"
        if isinstance(element, Parameter):
            return ""
        if isinstance(element, State | Environment) and not element.updated:
            return "0"
        carried = isinstance(element, State | Environment)
        return "t-1" if carried and name not in self.updated else self.now

    def symbol(self, name: str, index: str | None = None) -> str:
        """LaTeX of a word with its index."""
        latex = latex_symbol(self.elements[name].symbol, name)
        return subscripted(latex, self.index(name) if index is None else index)

    def word(self, name: str, index: str | None = None) -> str:
        """Plain text of a word with its index."""
        where = self.index(name) if index is None else index
        return f"{name}[{where.replace('-', '−')}]" if where else name

    def latex(self, expression: sp.Expr) -> str:
        """LaTeX of an expression at this point of the period."""
        return str(self._latex.doprint(expression))

    def plain(self, expression: sp.Expr) -> str:
        """Plain text of an expression at this point of the period."""
        return str(self._plain.doprint(expression))

    def made(
        self, element: Element, kind: Kind, rows: Sequence[tuple[str, str]], plain: str
    ) -> Equation:
        """An equation of an element."""
        return Equation(element.name, kind, tuple(rows), plain, element.claims, element.doc)
