"""How the laboratories are run again: exactly, but for what git does not keep.

Outputs in git are those of the full mode.  In the short mode populations are smaller, so cells are
only run; the tolerances of sampled numbers hold in both.
"""

from __future__ import annotations

import pytest

from pycore.notebook.mode import is_fast
from pycore.notebook.normalise import NOT_COMPARED


def pytest_configure(config: pytest.Config) -> None:
    """Compare outputs only in the mode that made them."""
    if is_fast() and config.getoption("nbval", default=False):
        config.option.nbval_lax = True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave pictures, HTML and sampled values out of the comparison."""
    for item in items:
        notebook = item.parent
        kept = getattr(notebook, "skip_compare", None)
        if kept is not None and not set(NOT_COMPARED) <= set(kept):
            notebook.skip_compare = (*kept, *NOT_COMPARED)  # type: ignore[union-attr]
