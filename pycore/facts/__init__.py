"""Published numbers, each with the work it stands in and a mark of how it was read.

The store is the only place a published figure enters the project.  A page, a test or a model
asks for a fact by its id and prints it through :meth:`Fact.cite`, which refuses figures that
nobody here has read.

Examples
--------
>>> from pycore import facts
>>> facts.get("zhang2017_ecm_CONF_SAT").value
0.69
>>> facts.get("zhang2017_ecm_CONF_SAT").cite(short=True)
'Zhang et al. 2017 [full text]'
"""

from __future__ import annotations

from pycore.facts.bibliography import bibliography
from pycore.facts.store import CONFIDENCE, Fact, Work, find, get, load, topics, work, works
from pycore.facts.studies import CorrelationStudy, gao2023, table, tables, zhang2017_ecm

__all__ = [
    "CONFIDENCE",
    "CorrelationStudy",
    "Fact",
    "Work",
    "bibliography",
    "find",
    "gao2023",
    "get",
    "load",
    "table",
    "tables",
    "topics",
    "work",
    "works",
    "zhang2017_ecm",
]
