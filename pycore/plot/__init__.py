"""Figures in one style, shared by notebooks, the book and users.

Every function returns ``(figure, axes)``, draws intervals, labels directly and keeps what it has
drawn: :func:`table` gives the numbers of a figure, :func:`alt_text` says in words what it shows.
Only :func:`path_diagram` is an SVG of its own.  What is drawn from a fit says so where its draws do
not meet their gates.
"""

from __future__ import annotations

from pycore.plot.calibration import published_figures, rank_ecdf, rank_panels, sensitivity
from pycore.plot.dose import dose_response
from pycore.plot.importance import importance_performance
from pycore.plot.intervals import forest, mediation_bars, ranking
from pycore.plot.life import lives
from pycore.plot.path_diagram import path_diagram
from pycore.plot.prior import priors
from pycore.plot.slopes import simple_slopes
from pycore.plot.style import PALETTE, WIDTH, alt_text, colours, table, use
from pycore.plot.time import difference, trajectory_fan
from pycore.plot.uncertainty import variance_over_time, variance_split

__all__ = [
    "PALETTE",
    "WIDTH",
    "alt_text",
    "colours",
    "difference",
    "dose_response",
    "forest",
    "importance_performance",
    "lives",
    "mediation_bars",
    "path_diagram",
    "priors",
    "published_figures",
    "rank_ecdf",
    "rank_panels",
    "ranking",
    "sensitivity",
    "simple_slopes",
    "table",
    "trajectory_fan",
    "use",
    "variance_over_time",
    "variance_split",
]
