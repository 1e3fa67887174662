"""Numbers that pages print: exact ones as they are, sampled ones against a stated tolerance."""

from __future__ import annotations

import math
from numbers import Integral, Real

from pycore.errors import refuse
from pycore.notebook.mode import is_fast
from pycore.notebook.record import emit, require_key


class NumberMoved(AssertionError):
    """A sampled number left its tolerance: the model, the data or the text beside it is wrong."""


def _plain(argument: str, value: object) -> int | float | bool:
    """Python's own number, whose ``repr`` a page can format."""
    if isinstance(value, bool):
        return value
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        value = value.item()
    if isinstance(value, bool):
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real) and math.isfinite(value):
        return float(value)
    raise refuse(argument, value, "one finite number")


def glue_number(name: str, value: object, fmt: str | None = None) -> None:
    """Give a page a deterministic number of the object it shows.

    Parameters
    ----------
    name : str
        Key; a page prints it with ``{glue:text}`name:.2f``` or, from another page, with
        ``{glue:text}`../notebooks/lab.ipynb::name:.2f```.
    value : number
        The number itself, taken from the object shown; 0-d arrays are accepted.
    fmt : str, optional
        Format applied already here, for a number that needs a word beside it
        (``"{:.1%} of consumers"`` or a bare format such as ``".1%"``); the page then prints the
        text as it is.

    Raises
    ------
    InputError
        If the key cannot be written in a role or the value is not one finite number.

    Examples
    --------
    >>> glue_number("share_left", 0.1234, ".1%")
    >>> glue_number("share_left", float("nan"))
    Traceback (most recent call last):
    ...
    pycore.errors.InputError: share_left: received nan, allowed is one finite number
    """
    number = _plain(require_key(name), value)
    if fmt is None:
        emit(name, repr(number), sampled=False)
    else:
        emit(name, repr(fmt.format(number) if "{" in fmt else format(number, fmt)), sampled=False)


def glue_interval(
    name: str, estimate: object, low: object, high: object, *, sampled: bool = False
) -> None:
    """Give a page an estimate with its interval, as ``name``, ``name_low`` and ``name_high``.

    Parameters
    ----------
    name : str
        Key of the estimate.
    estimate, low, high : number
        In this order of size: low ≤ estimate ≤ high.
    sampled : bool
        Whether a sampler made them; then they are not kept in git, and the estimate should also
        be checked with :func:`glue_sampled` under a key of its own.

    Raises
    ------
    InputError
        If a value is not finite or the estimate is outside its interval.

    Examples
    --------
    >>> glue_interval("effect", 0.35, 0.28, 0.42)
    >>> glue_interval("effect", 0.5, 0.28, 0.42)
    Traceback (most recent call last):
    ...
    pycore.errors.InputError: effect: received (0.28, 0.5, 0.42), allowed is low ≤ estimate ≤ high
    """
    require_key(name)
    middle = _plain(name, estimate)
    ends = _plain(f"{name}, low", low), _plain(f"{name}, high", high)
    if not ends[0] <= middle <= ends[1]:
        raise refuse(name, (ends[0], middle, ends[1]), "low ≤ estimate ≤ high")
    for key, number in ((name, middle), (f"{name}_low", ends[0]), (f"{name}_high", ends[1])):
        emit(key, repr(number), sampled=sampled)


def glue_sampled(
    name: str,
    value: object,
    *,
    expected: float,
    tolerance: float,
    because: str,
    short_tolerance: float | None = None,
) -> None:
    """Give a page a number a sampler made, after checking it against a stated tolerance.

    The value differs in its last digits between machines, so no output can be compared exactly.
    What is kept and compared is the sentence printed here, which holds the expectation and the
    reason for its tolerance; a value outside it stops the notebook, the book and the tests.

    Parameters
    ----------
    name : str
        Key, as in :func:`glue_number`.
    value : number
        The sampled number.
    expected : float
        What it was when the text beside it was written, or what theory or a paper says.
    tolerance : float
        Largest difference allowed, in the full mode.
    because : str
        Where the tolerance comes from: "4 Monte Carlo standard errors at 2000 effective draws".
    short_tolerance : float, optional
        Largest difference allowed in the short mode, which samples less; by default the same.

    Raises
    ------
    NumberMoved
        If the value is outside the tolerance.
    InputError
        If an argument is not finite, the tolerance not positive or the reason empty.

    Examples
    --------
    >>> glue_sampled("path", 0.352, expected=0.35, tolerance=0.01, because="4 standard errors")
    path: 0.35 ± 0.01 (4 standard errors)
    >>> glue_sampled("path", 0.5, expected=0.35, tolerance=0.01, because="4 standard errors")
    Traceback (most recent call last):
    ...
    pycore.notebook.numbers.NumberMoved: path: 0.5 is outside 0.35 ± 0.01 (4 standard errors)
    """
    number = _plain(require_key(name), value)
    wanted = _plain(f"{name}, expected", expected)
    for argument, width in (("tolerance", tolerance), ("short_tolerance", short_tolerance)):
        if width is not None and not _plain(f"{name}, {argument}", width) > 0:
            raise refuse(f"{name}, {argument}", width, "a positive number")
    if not because.strip():
        raise refuse(f"{name}, because", because, "where the tolerance comes from")
    allowed = f"{wanted:g} ± {tolerance:g} ({because})"
    if is_fast() and short_tolerance is not None:
        allowed = f"{wanted:g} ± {short_tolerance:g} in the short mode ({because})"
        tolerance = short_tolerance
    if abs(number - wanted) > tolerance:
        raise NumberMoved(f"{name}: {number:g} is outside {allowed}")
    emit(name, repr(number), sampled=True)
    print(f"{name}: {allowed}")  # noqa: T201  the line that notebook tests compare
