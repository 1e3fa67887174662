"""Checks of single arguments; each refusal names argument, value and what is allowed."""

from __future__ import annotations

import keyword
import math
from collections.abc import Sequence
from typing import Any

from pycore.errors import refuse

__all__ = [
    "finite",
    "per_item",
    "per_text",
    "power_of_two",
    "require_identifier",
    "require_reachable",
]


def finite(argument: str, value: Any) -> float:
    """A finite number as float."""
    if isinstance(value, bool | str) or value is None:
        raise refuse(argument, value, "a finite number")
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        raise refuse(argument, value, "a finite number") from None
    if not math.isfinite(number):
        raise refuse(argument, value, "a finite number")
    return number


def power_of_two(argument: str, value: Any) -> float:
    """A step of exact sums: 2^-30 to 2^30."""
    number = finite(argument, value)
    exponent = math.log2(number) if number > 0 else math.nan
    if not exponent.is_integer() or abs(exponent) > 30:
        raise refuse(argument, value, "a power of two from 2**-30 to 2**30")
    return number


def require_identifier(argument: str, name: Any) -> None:
    """Refuse what is not a plain Python identifier."""
    if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
        raise refuse(argument, name, "an identifier such as 'emotional_exhaustion'")


def require_reachable(
    name: str, table: dict[str, dict[str, str]], absorbing: tuple[str, ...]
) -> None:
    """Refuse stages that no sequence of events leads to."""
    reached, frontier = set(), [next(iter(table))]
    while frontier:
        label = frontier.pop()
        if label not in reached:
            reached.add(label)
            frontier.extend(table.get(label, {}))
    for label in (*table, *absorbing):
        if label not in reached:
            raise refuse(f"stage {name!r}", label, "stages that can be reached from the first one")


def per_item(argument: str, value: Any, count: int) -> list[Any]:
    """One number or expression for every item."""
    values = list(value) if isinstance(value, Sequence) else [value] * count
    if len(values) != count:
        raise refuse(argument, value, f"one number or {count} numbers")
    return values


def per_text(argument: str, value: Sequence[str], count: int) -> list[str]:
    """One text for every item, empty by default."""
    if not value:
        return [""] * count
    if isinstance(value, str) or len(value) != count:
        raise refuse(argument, value, f"{count} sentences")
    return list(value)
