"""The book's bibliography, written from the store so that a reference has one source."""

from __future__ import annotations

from pycore.facts.store import works


def bibliography() -> str:
    """BibTeX entries of the works cited on the pages of the book.

    Only fields that somebody has read are printed; a missing volume or DOI is missing on purpose.

    Returns
    -------
    str
        The content of ``book/references.bib``, sorted by key.

    Examples
    --------
    >>> bibliography().splitlines()[2].startswith("@")
    True
    """
    lines = [
        "% Written by pycore.facts.bibliography() from pycore/facts/facts.yaml; do not edit.",
        "",
    ]
    for key, work in sorted(works().items()):
        if work.bib is None:
            continue
        fields = {name: value for name, value in work.bib.items() if name != "type"}
        if work.doi is not None:
            fields["doi"] = work.doi
        lines.append(f"@{work.bib['type']}{{{key},")
        lines.extend(f"  {name} = {{{value}}}," for name, value in fields.items())
        lines.extend(["}", ""])
    return "\n".join(lines)
