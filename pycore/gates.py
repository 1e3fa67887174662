"""The gates that a fit's draws do not meet travel with all that is made from them.

A fit keeps them in ``attrs["gates_failed"]``; so do its tables of effects, the simulations that use
its draws, and what is made from these.  A figure says so under its axis.
"""

from __future__ import annotations

from typing import Any

__all__ = ["UNMET", "marked", "unmet"]

UNMET = "gates_failed"


def unmet(source: Any) -> list[str]:
    """Return the gates not met, in words; none for what no fit stands behind.

    Examples
    --------
    >>> import xarray as xr
    >>> unmet(xr.Dataset(attrs={"gates_failed": ["R-hat 1.05 (allowed: 1.01)"]}))
    ['R-hat 1.05 (allowed: 1.01)']
    """
    found = getattr(source, "attrs", {}).get(UNMET, [])
    # A file gives one word for a list of one, and an array for a longer one.
    return [found] if isinstance(found, str) else [str(word) for word in found]


def marked[Made](made: Made, *sources: Any) -> Made:
    """Note on a table or data set what the draws behind its sources do not meet."""
    words = list(dict.fromkeys(word for source in sources for word in unmet(source)))
    if words:
        made.attrs[UNMET] = words  # type: ignore[attr-defined]
    return made
