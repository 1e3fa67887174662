"""The ledger as records, as text and as Markdown, for the command line and for other programs."""

from __future__ import annotations

from typing import Any

from pycore.claims.claim import STATUSES
from pycore.claims.ledger import load, summary


def as_records(document: str | None = None) -> list[dict[str, Any]]:
    """Claims as plain records, ready for JSON.

    Parameters
    ----------
    document : str, optional
        ``D0`` … ``D4``; all five by default.

    Returns
    -------
    list of dict
        Keys ``id``, ``document``, ``section``, ``status``, ``page`` (or None) and ``evidence``
        (a list of typed references).

    Examples
    --------
    >>> as_records("D0")[25]["status"]
    'premise'
    """
    return [
        {
            "id": claim.id,
            "document": claim.document,
            "section": claim.section,
            "status": claim.status,
            "page": claim.page,
            "evidence": [str(item) for item in claim.evidence],
        }
        for claim in load(document)
    ]


def as_table(document: str | None = None) -> str:
    """Claims as aligned text: id, section, status and statement.

    Examples
    --------
    >>> print(as_table("D0").splitlines()[0])
    claim      section   status        statement
    """
    rows = [("claim", "section", "status", "statement")]
    rows += [(claim.id, claim.section, claim.status, claim.statement) for claim in load(document)]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    return "\n".join(
        "  ".join([*(row[column].ljust(widths[column]) for column in range(3)), row[3]])
        for row in rows
    )


def as_markdown() -> str:
    """Counts by status and document as a Markdown table.

    Examples
    --------
    >>> print(as_markdown().splitlines()[0])
    | status | D0 | D1 | D2 | D3 | D4 | all |
    """
    counts = summary()
    lines = [
        "| status | " + " | ".join(counts.columns) + " |",
        "|---|" + "---:|" * len(counts.columns),
    ]
    for status in STATUSES:
        cells = " | ".join(str(int(count)) for count in counts.loc[status])
        lines.append(f"| {status} | {cells} |")
    return "\n".join(lines)
