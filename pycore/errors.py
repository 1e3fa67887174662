"""The errors of the public contract.

Every refusal names the argument, the value received and what is allowed, and is raised before any
work starts.  All of them are :class:`ValueError`, so callers need to know no class of ours.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from reprlib import Repr

__all__ = ["InputError", "NotYetSimulated", "allowed_names", "refuse", "require_name"]


# What is shown is cut off before it is written out: a refused list may have a million entries.
_SHORT = Repr()
_SHORT.maxlevel = 20
_SHORT.maxdict = _SHORT.maxlist = _SHORT.maxtuple = _SHORT.maxset = _SHORT.maxfrozenset = 200
_SHORT.maxstring = _SHORT.maxlong = _SHORT.maxother = 1000


class InputError(ValueError):
    """An argument that cannot be used; the message names it, its value and what is allowed."""


class NotYetSimulated(InputError):
    """A word of the model language that is declared and printed but not yet simulated."""


def refuse(argument: str, received: object, allowed: str) -> InputError:
    """Build the error for one unusable argument.

    Parameters
    ----------
    argument : str
        Name of the argument as the caller wrote it.
    received : object
        The value received; shown with ``repr``, shortened to 200 characters.
    allowed : str
        What would have been accepted, as a noun phrase.

    Returns
    -------
    InputError
        To be raised by the caller, so that the traceback ends where the check stands.

    Examples
    --------
    >>> refuse("periods", -1, "an integer of at least 1")
    InputError('periods: received -1, allowed is an integer of at least 1')
    """
    try:
        shown = _SHORT.repr(received)
    except Exception:  # a refusal must not fail, whatever was received: 10**5000 has no repr
        shown = f"an object of type {type(received).__name__}"
    if len(shown) > 200:
        shown = shown[:197] + "..."
    return InputError(f"{argument}: received {shown}, allowed is {allowed}")


def allowed_names(names: Iterable[str]) -> str:
    """List names for a message; an empty list says so.

    Examples
    --------
    >>> allowed_names(["b", "a"])
    'one of a, b'
    >>> allowed_names([])
    'nothing here (the model declares none)'
    """
    ordered = sorted(names)
    if not ordered:
        return "nothing here (the model declares none)"
    return "one of " + ", ".join(ordered)


def require_name(argument: str, name: str, names: Iterable[str]) -> None:
    """Refuse a name that is not among ``names``, proposing the nearest one.

    Examples
    --------
    >>> require_name("lever", "suport", ["support"])
    Traceback (most recent call last):
    ...
    pycore.errors.InputError: lever: received 'suport', allowed is one of support (did you mean \
'support'?)
    """
    known = list(names)
    if name in known:
        return
    near = get_close_matches(str(name), known, n=1)
    hint = f" (did you mean '{near[0]}'?)" if near else ""
    raise refuse(argument, name, allowed_names(known) + hint)
