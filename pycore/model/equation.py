"""Equations ready for print: one, and the block of all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal, overload

from pycore.errors import require_name
from pycore.model.lettering import wrapped
from pycore.model.notation import escape_text, pretty

__all__ = ["KINDS", "Equation", "Equations", "Kind"]

Kind = Literal["trait", "draw", "event", "define", "state", "stage", "environment", "survey"]
KINDS: tuple[Kind, ...] = (
    "trait", "draw", "event", "define", "state", "stage", "environment", "survey",
)  # fmt: skip
_NAME_SIZE, _NAME_WIDTH = 13.0, 195.0


@dataclass(frozen=True)
class Equation:
    """One equation, ready for print.

    Attributes
    ----------
    name, kind : str
        The word it defines and the kind of the word.
    rows : tuple of (str, str)
        Left and right part in LaTeX, one pair per printed line.
    plain : str
        The same as one line of text, with words by name.
    claims : tuple of str
        Claims of the documents that the word carries.
    doc : str
        The word's sentence.
    """

    name: str
    kind: Kind
    rows: tuple[tuple[str, str], ...]
    plain: str
    claims: tuple[str, ...] = ()
    doc: str = ""

    @property
    def latex(self) -> str:
        """LaTeX for display mode; several lines come as an ``aligned`` block."""
        if len(self.rows) == 1:
            return " ".join(self.rows[0]).strip()
        lines = r" \\ ".join(f"{left} & {right}" for left, right in self.rows)
        return rf"\begin{{aligned}} {lines} \end{{aligned}}"

    def _repr_latex_(self) -> str:
        return f"$$ {self.latex} $$"

    def __str__(self) -> str:
        return self.plain


class Equations(tuple[Equation, ...]):
    r"""The equations of a model in the order of a period; a notebook shows them as one block.

    It is a tuple of :class:`Equation` that also finds equations by name and by kind.

    Examples
    --------
    >>> import pycore as pc
    >>> m = pc.Model("calm", period="day")
    >>> x = m.state("stress", symbol="S", carry=0.5, target=m.parameter("load", 2, symbol="β"))
    >>> print(m.equations().named("stress"))
    stress[t] = 0.5·stress[t−1] + 0.5·load
    >>> print(m.equations()[0].latex)
    S_{t} = 0.5 \, S_{t-1} + 0.5 \, \beta
    """

    def __new__(cls, equations: Iterable[Equation] = ()) -> Equations:
        """Collect equations."""
        return super().__new__(cls, equations)

    @overload  # type: ignore[override]
    def __getitem__(self, index: int) -> Equation: ...
    @overload
    def __getitem__(self, index: slice) -> Equations: ...
    def __getitem__(self, index: int | slice) -> Equation | Equations:
        """One equation by position, or a slice that still prints as a block."""
        if isinstance(index, slice):
            return Equations(super().__getitem__(index))
        return super().__getitem__(index)

    def of_kind(self, *kinds: str) -> Equations:
        """Only some kinds: trait, draw, event, define, state, stage, environment, survey."""
        for kind in kinds:
            require_name("kinds", kind, KINDS)
        return Equations(e for e in self if e.kind in kinds)

    def named(self, *names: str) -> Equations:
        """The equations of some words, in the order asked for."""
        known = {e.name for e in self}
        for name in names:
            require_name("names", name, known)
        return Equations(e for name in names for e in self if e.name == name)

    @property
    def latex(self) -> str:
        """All equations as one ``aligned`` block, names at the left."""
        lines = []
        for equation in self:
            label = wrapped(pretty(equation.name), _NAME_SIZE, _NAME_WIDTH, lines=2)
            for part, row in zip_longest(label, equation.rows, fillvalue=""):
                name = rf"\small\text{{{escape_text(part)}}}" if part else ""
                lines.append(rf"& {name} && {' '.join(row).strip()}".rstrip())
        return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"

    def markdown(self) -> str:
        r"""The block for a page, between dollar signs.

        Examples
        --------
        >>> import pycore as pc
        >>> m = pc.Model("calm")
        >>> _ = m.event("rest", probability=0.25)
        >>> print(m.equations().markdown())
        $$
        \begin{aligned}
        & \small\text{rest} && \Pr(\mathrm{rest}_{t} = 1) = 0.25
        \end{aligned}
        $$
        """
        return f"$$\n{self.latex}\n$$" if self else ""

    def _repr_latex_(self) -> str:
        # LaTeX and not HTML: pages built from notebooks load MathJax only where they see maths.
        return self.markdown()

    def __str__(self) -> str:
        return "\n".join(e.plain for e in self)

    def __repr__(self) -> str:
        return str(self)
