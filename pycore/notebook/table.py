"""A table as a reader wants it: no row numbers, formats per column, the same text at every run."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from html import escape
from typing import TYPE_CHECKING

from pycore.errors import refuse, require_name

if TYPE_CHECKING:
    import pandas as pd


class ShownTable:
    """What :func:`table` returns; a notebook shows it as HTML, a test compares it as text."""

    def __init__(
        self, columns: list[str], rows: list[list[str]], numeric: list[bool], math: list[bool]
    ) -> None:
        self._columns = columns
        self._rows = rows
        self._numeric = numeric
        self._math = math

    def __repr__(self) -> str:
        lines = [self._columns, *self._rows]
        widths = [max(len(line[place]) for line in lines) for place in range(len(self._columns))]

        def aligned(line: list[str]) -> str:
            cells = zip(line, widths, self._numeric, strict=True)
            return "  ".join(
                cell.rjust(width) if numeric else cell.ljust(width)
                for cell, width, numeric in cells
            ).rstrip()

        return "\n".join(aligned(line) for line in lines)

    def _repr_html_(self) -> str:
        kinds = [' class="number"' if numeric else "" for numeric in self._numeric]
        head = "".join(
            f'<th scope="col"{kind}>{escape(name)}</th>'
            for name, kind in zip(self._columns, kinds, strict=True)
        )

        def shown(cell: str, math: bool) -> str:
            if math:
                # The class is the one Sphinx gives to formulas, so the page typesets it.
                return f'<span class="math notranslate">\\({escape(cell)}\\)</span>'
            # A long name may break after an underscore.
            return escape(cell).replace("_", "_<wbr>")

        body = "".join(
            "<tr>"
            + "".join(
                f"<td{kind}>{shown(cell, math)}</td>"
                for cell, kind, math in zip(row, kinds, self._math, strict=True)
            )
            + "</tr>\n"
            for row in self._rows
        )
        return (
            f'<table class="dataframe"><thead><tr>{head}</tr></thead>\n'
            f"<tbody>{body}</tbody></table>"
        )


def table(
    frame: pd.DataFrame,
    formats: Mapping[str, str] | str = "{:.3g}",
    *,
    index: bool | None = None,
    math: Collection[str] = (),
) -> ShownTable:
    """Show a table of results.

    Parameters
    ----------
    frame : DataFrame
        Rows and columns in the order shown; units belong into the column names.
    formats : mapping or str
        Column -> format (``{"share": "{:.1%}"}``), or one format for all columns of floats.
        Columns that are not floats are shown as they are; missing values as an en dash.
    index : bool, optional
        Whether the row index is shown as first columns; by default only if it has names.
    math : collection of str
        Columns of LaTeX, such as the symbols of a model, to be typeset on the page.

    Returns
    -------
    ShownTable
        HTML on a page, aligned text in a terminal.

    Raises
    ------
    InputError
        If the table has no columns, or a format or ``math`` names a column it does not have.

    Examples
    --------
    >>> import pandas as pd
    >>> causes = pd.DataFrame({"cause": ["delay", "picture"], "share": [0.123, 0.5]})
    >>> table(causes, {"share": "{:.1%}"})
    cause    share
    delay    12.3%
    picture  50.0%
    """
    from pandas.api.types import is_float_dtype, is_numeric_dtype

    named = any(name is not None for name in frame.index.names) if index is None else index
    shown = frame.reset_index() if named else frame
    columns = [str(name) for name in shown.columns]
    if not columns:
        raise refuse("frame", frame.shape, "a table with columns")
    for name in () if isinstance(formats, str) else formats:
        require_name("formats", name, columns)
    for name in math:
        require_name("math", name, columns)

    def text(column: str, value: object, is_float: bool) -> str:
        if value is None or value != value:
            return "–"
        if isinstance(formats, str):
            return formats.format(value) if is_float else str(value)
        chosen = formats.get(column, "{:.3g}" if is_float else "{}")
        return chosen.format(value)

    series = [shown.iloc[:, place] for place in range(len(columns))]
    cells = [
        [text(name, value, is_float_dtype(one)) for value in one.tolist()]
        for name, one in zip(columns, series, strict=True)
    ]
    rows = [list(row) for row in zip(*cells, strict=True)]
    numeric = [is_numeric_dtype(one) for one in series]
    return ShownTable(columns, rows, numeric, [name in math for name in columns])
