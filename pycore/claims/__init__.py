"""The claim ledger: claim → section → page → model symbol → evidence → status.

Every claim the five documents make stands here once.  The book prints its verdicts from this
ledger, and :func:`check` refuses a claim without a page, a page with an unknown claim and a finding
without evidence that runs.

Examples
--------
>>> from pycore import claims
>>> len(claims.load())
777
>>> claims.get("C-D0-026").status
'premise'
"""

from __future__ import annotations

from pycore.claims.checks import Problem, check
from pycore.claims.claim import STATUSES, Claim, Evidence
from pycore.claims.ledger import chapter_pages, get, load, summary
from pycore.claims.outline import Document, Section, documents, outline, section
from pycore.claims.report import as_markdown, as_records, as_table

__all__ = [
    "STATUSES",
    "Claim",
    "Document",
    "Evidence",
    "Problem",
    "Section",
    "as_markdown",
    "as_records",
    "as_table",
    "chapter_pages",
    "check",
    "documents",
    "get",
    "load",
    "outline",
    "section",
    "summary",
]
