"""The numbers behind a figure, for the reader to download."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pycore.errors import refuse
from pycore.notebook.record import emit, require_key

if TYPE_CHECKING:
    import pandas as pd

#: Ending of the key under which a figure's table travels to the book.
CSV = ".csv"

_LARGEST = 200_000


def figure_data(name: str, table: pd.DataFrame | pd.Series[Any], *, sampled: bool = False) -> None:
    """Attach a figure's table to it: the book puts a CSV link under the caption.

    The table travels in the output of the cell, so it comes out of a cached execution as well, and
    notebook tests compare it exactly: the picture is not kept in git, what it shows is.

    Parameters
    ----------
    name : str
        Name of the figure or table on the page (``name:`` of the cell's figure options).
    table : DataFrame or Series
        What is drawn, with units in the column names.  A row index with names is written too.
    sampled : bool
        Whether a sampler made the numbers; then they are not kept in git.

    Raises
    ------
    InputError
        If the name cannot be a label, the table is empty, or its CSV is larger than 200 kB: a
        reader wants the numbers drawn, not the run.

    Examples
    --------
    >>> import pandas as pd
    >>> figure_data("fig-d0-dose", pd.DataFrame({"failures (count)": [0, 1], "share": [0.1, 0.2]}))
    >>> figure_data("fig-d0-dose", pd.DataFrame())
    Traceback (most recent call last):
    ...
    pycore.errors.InputError: table: received (0, 0), allowed is a table with rows and columns
    """
    require_key(name)
    frame = table.to_frame() if table.ndim == 1 else table
    if frame.empty:
        raise refuse("table", frame.shape, "a table with rows and columns")
    named = any(level is not None for level in frame.index.names)
    text = frame.to_csv(index=named, lineterminator="\n")
    if len(text.encode()) > _LARGEST:
        raise refuse("table", f"{len(text)} characters of CSV", f"at most {_LARGEST}")
    emit(f"{name}{CSV}", text, sampled=sampled)
