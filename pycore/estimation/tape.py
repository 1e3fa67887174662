"""Expressions of the parameters as steps of the compiled core, which also differentiates them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np
import sympy as sp

from pycore._core import Tape
from pycore.model.numeric import Operations, evaluate

__all__ = ["tape"]

# The numbers of enum Operation in cpp/include/pycore/estimation/tape.hpp.
_CODES: Final = {
    name: code
    for code, name in enumerate((
        "parameter", "constant", "+", "*", "**", "exp", "log", "logistic", "max", "min", "abs",
        "floor", "<", "<=", "==", "and", "or", "not", "where",
    ))
}  # fmt: skip


class _Step(int):
    """Number of a step; a plain number is a constant."""


class _Recorder:
    """Writes down each step once."""

    def __init__(self) -> None:
        self.steps: dict[tuple[str, int, int, int, float], _Step] = {}

    def add(self, name: str, *arguments: int, number: float = 0.0) -> _Step:
        a, b, c = (*arguments, 0, 0, 0)[:3]
        return self.steps.setdefault((name, a, b, c, number), _Step(len(self.steps)))

    def step(self, value: Any) -> _Step:
        return value if isinstance(value, _Step) else self.add("constant", number=float(value))

    def operation(self, name: str) -> Callable[..., _Step]:
        return lambda *values: self.add(name, *(self.step(v) for v in values))

    def operations(self) -> Operations:
        swapped = {">": "<", ">=": "<="}
        found: dict[str, Callable[..., Any]] = {
            name: self.operation(name) for name in _CODES if name not in ("parameter", "constant")
        }
        found |= {
            name: lambda a, b, other=other: found[other](b, a) for name, other in swapped.items()
        }
        found["**"] = lambda base, exponent: self.add("**", self.step(base), number=exponent)
        return found


def tape(
    expressions: Sequence[sp.Basic],
    parameters: Sequence[str],
    definitions: Mapping[str, sp.Basic] | None = None,
) -> Tape:
    """Return expressions as one list of steps, in which what they share stands once.

    Parameters
    ----------
    expressions : sequence of sympy.Basic
        Of the parameters alone, from the functions of :mod:`pycore.model.functions`.
    parameters : sequence of str
        Order of the parameters.
    definitions : mapping of str to sympy.Basic, optional
        Further names in the expressions, by what they are in the parameters.

    Examples
    --------
    >>> from pycore.model.expressions import symbol
    >>> values, slopes = tape([symbol("a") ** 2 * symbol("b")], ["a", "b"]).evaluate(
    ...     np.array([3.0, 2.0])
    ... )
    >>> values.tolist(), slopes.tolist()
    ([18.0], [[12.0, 9.0]])
    """
    recorder = _Recorder()
    known = {name: recorder.add("parameter", k) for k, name in enumerate(parameters)}
    memo: dict[sp.Basic, Any] = {}
    operations = recorder.operations()
    for name, definition in (definitions or {}).items():
        known[name] = recorder.step(evaluate(definition, known, operations))
    outputs = [int(recorder.step(evaluate(e, known, operations, memo))) for e in expressions]
    steps = np.array(
        [(_CODES[name], a, b, c) for name, a, b, c, _ in recorder.steps], dtype=np.int32
    ).reshape(-1, 4)
    numbers = np.array([number for *_, number in recorder.steps], dtype=np.float64)
    return Tape(steps, numbers, outputs, len(parameters))
