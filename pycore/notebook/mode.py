"""The two modes of the book: full, which is published, and short, for every change."""

from __future__ import annotations

import os


def is_fast() -> bool:
    """Whether this is the short mode: the environment variable ``PYCORE_FAST`` is set and not 0.

    Examples
    --------
    >>> is_fast() == (mode() == "short")
    True
    """
    return os.environ.get("PYCORE_FAST", "") not in ("", "0")


def mode() -> str:
    """Name of the mode as the pages print it: ``full`` or ``short``.

    Examples
    --------
    >>> mode() in ("full", "short")
    True
    """
    return "short" if is_fast() else "full"


def sized[T](full: T, short: T) -> T:
    """Choose a size by the mode, so that a page has one text and two running times.

    Parameters
    ----------
    full, short : T
        What the published book uses, and what is quick: consumers, draws, replicates.

    Returns
    -------
    T
        One of the two.

    Examples
    --------
    >>> sized(1_000_000, 20_000) in (1_000_000, 20_000)
    True
    """
    return short if is_fast() else full
