"""The record: an output that carries a value to the book and shows nothing in the cell.

The form is MyST-NB's: a display message whose MIME types carry a prefix and whose metadata names
the value.  It is written here rather than imported, so that a laboratory runs without the book's
tools, and because sampled values need a prefix of their own: notebook tests compare exactly what is
deterministic and must not compare what is sampled.
"""

from __future__ import annotations

import re
from typing import Any

from pycore.errors import refuse

#: Prefix of values that are the same bits everywhere; kept in git and compared exactly.
EXACT = "application/papermill.record/"

#: Prefix of values that a sampler made; never kept in git.
SAMPLED = "application/vnd.pycore.sampled/"

_NAME = re.compile(r"[a-z][a-z0-9_-]*")


def require_key(name: object) -> str:
    """Refuse a key that a page could not write in a role.

    Examples
    --------
    >>> require_key("share_left")
    'share_left'
    >>> require_key("share left")
    Traceback (most recent call last):
    ...
    pycore.errors.InputError: name: received 'share left', allowed is lower-case letters, digits, \
'_' and '-', a letter first
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise refuse("name", name, "lower-case letters, digits, '_' and '-', a letter first")
    return name


def emit(name: str, text: str, *, sampled: bool) -> None:
    """Leave ``text`` under ``name`` in the running cell's output; outside a notebook do nothing.

    Examples
    --------
    >>> emit("answer", "42", sampled=False)
    """
    shell = _shell()
    if shell is None:
        return
    prefix = SAMPLED if sampled else EXACT
    shell.display_pub.publish(
        data={f"{prefix}text/plain": text},
        metadata={"scrapbook": {"name": name, "mime_prefix": prefix}},
    )


def _shell() -> Any:
    # A script or a doctest has no cell to leave an output in, and needs no IPython.
    import sys

    if "IPython" not in sys.modules:
        return None
    from IPython.core.getipython import get_ipython

    shell = get_ipython()
    return shell if shell is not None and hasattr(shell, "kernel") else None
