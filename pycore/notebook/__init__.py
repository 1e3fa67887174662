"""What a notebook or an executed page gives to the book: numbers, tables, data of figures.

A laboratory calls these functions; the book and the notebook tests read what they leave in the
outputs of its cells.  Nothing is written beside the notebook, so a cached execution loses nothing.

Examples
--------
>>> from pycore.notebook import glue_number, sized
>>> glue_number("consumers", sized(1_000_000, 20_000))  # prints nothing
"""

from __future__ import annotations

from pycore.notebook.figure_data import figure_data
from pycore.notebook.mode import is_fast, mode, sized
from pycore.notebook.numbers import NumberMoved, glue_interval, glue_number, glue_sampled
from pycore.notebook.table import table

__all__ = [
    "NumberMoved",
    "figure_data",
    "glue_interval",
    "glue_number",
    "glue_sampled",
    "is_fast",
    "mode",
    "sized",
    "table",
]
