"""Reading the YAML files that ship inside the package, quickly and once."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

# libyaml reads the ledger ten times faster than the pure Python loader; both give the same values.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@cache
def read_yaml(path: Path) -> Any:
    """Parse a YAML file of the package; the result is shared, so callers must not change it.

    Parameters
    ----------
    path : Path
        A file shipped with the package.

    Returns
    -------
    Any
        Plain dicts, lists, strings and numbers.

    Examples
    --------
    >>> from pycore.facts.store import FACTS_FILE
    >>> sorted(read_yaml(FACTS_FILE))
    ['facts', 'tables', 'works']
    """
    with path.open(encoding="utf-8") as stream:
        return yaml.load(stream, Loader=_LOADER)
