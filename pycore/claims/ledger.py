"""Loading the ledger and counting it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from pycore.claims.claim import STATUSES, Claim, Evidence, filled
from pycore.claims.outline import DATA, documents, section
from pycore.errors import refuse, require_name
from pycore.facts.yaml_file import read_yaml

if TYPE_CHECKING:
    import pandas as pd

_FIELDS = frozenset(Claim.__dataclass_fields__)
_TUPLES = ("symbols", "cause", "mediator", "effect", "variables", "see_also")


def _file(document: str) -> dict[str, Any]:
    content: dict[str, Any] = read_yaml(DATA / f"{document.lower()}.yaml")
    return content


def chapter_pages(document: str) -> Mapping[str, str]:
    """Pages of a document's chapter: section -> page, relative to the checkout.

    Top-level sections, and those below them that are treated on a page of their own.  Empty for a
    document whose chapter is not written.

    Examples
    --------
    >>> chapter_pages("D0")["D0.3"]
    'book/d0/theory.md'
    >>> get("C-D3-111").page
    'book/d3/methods.md#d3-4-3-2'
    >>> chapter_pages("D4")
    {}
    """
    require_name("document", document, documents())
    return dict(_file(document).get("pages", {}))


def _page_of(section_id: str, pages: Mapping[str, str]) -> str | None:
    """Page of the nearest section above that has one."""
    name = section_id
    while name and name not in pages:
        name = name.rpartition(".")[0]
    return pages.get(name)


def _claim(document: str, pages: Mapping[str, str], entry: dict[str, Any]) -> Claim:
    fields = dict(entry)
    for unknown in fields.keys() - _FIELDS:
        raise refuse(f"{entry['id']}, field", unknown, "one of " + ", ".join(sorted(_FIELDS)))
    where = section(fields["section"])
    for name in _TUPLES:
        fields[name] = tuple(fields.get(name, ()))
    fields["evidence"] = tuple(Evidence.parse(text) for text in fields.get("evidence", ()))
    fields["verdict"] = filled(fields.get("verdict", ""))
    page = _page_of(where.id, pages)
    if "page" not in fields and page is not None:
        fields["page"] = f"{page}#{where.anchor}"
    return Claim(document=document, **fields)


@cache
def _load(document: str) -> tuple[Claim, ...]:
    pages = chapter_pages(document)
    return tuple(_claim(document, pages, entry) for entry in _file(document)["claims"])


def load(document: str | None = None) -> tuple[Claim, ...]:
    """Claims of one document, or of all five, in the documents' order.

    Parameters
    ----------
    document : str, optional
        ``D0`` … ``D4``.

    Returns
    -------
    tuple of Claim

    Raises
    ------
    InputError
        If there is no such document.

    Examples
    --------
    >>> len(load("D0"))
    64
    """
    if document is not None:
        require_name("document", document, documents())
        return _load(document)
    return tuple(claim for name in documents() for claim in _load(name))


@cache
def _by_id() -> Mapping[str, Claim]:
    return {claim.id: claim for claim in load()}


def get(name: str) -> Claim:
    """One claim by its id.

    Raises
    ------
    InputError
        If the ledger has no such claim.

    Examples
    --------
    >>> get("C-D0-027").symbols
    ('disconfirmation', 'performance', 'expectation')
    """
    require_name("claim", name, _by_id())
    return _by_id()[name]


def summary() -> pd.DataFrame:
    """Counts of claims by status and document.

    Returns
    -------
    pandas.DataFrame
        Rows: statuses, in the order of :data:`STATUSES`; columns: documents and ``all``.

    Examples
    --------
    >>> counts = summary()
    >>> int(counts.loc["pending", "D4"]), int(counts["all"].sum())
    (343, 777)
    """
    import pandas as pd

    counted = Counter((claim.status, claim.document) for claim in load())
    for status, document in counted:
        require_name(f"status in {document}", status, STATUSES)
    counts = pd.DataFrame(
        [[counted[status, name] for name in documents()] for status in STATUSES],
        index=pd.Index(list(STATUSES), name="status"),
        columns=list(documents()),
    )
    return counts.assign(all=counts.sum(axis=1))
