"""The sections of the five documents: the frame every chapter and every claim hangs on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pycore.errors import require_name
from pycore.facts.yaml_file import read_yaml

DATA = Path(__file__).with_name("data")


@dataclass(frozen=True)
class Section:
    """A section of a document.

    Attributes
    ----------
    id : str
        ``D0.3.1``.
    document : str
        ``D0``.
    original : str or None
        Heading in the document's language; None where the document has none.
    english : str
        Heading in English.
    language : str
        Language tag of the original: ``da``, ``en`` or ``zh-Hant``.
    paraphrase : str or None
        What the section says, in our words; given for documents with a chapter.
    """

    id: str
    document: str
    original: str | None
    english: str
    language: str
    paraphrase: str | None

    @property
    def anchor(self) -> str:
        """Anchor of the section's heading in the book.

        Examples
        --------
        >>> section("D0.3.1").anchor
        'd0-3-1'
        """
        return self.id.lower().replace(".", "-")

    @property
    def top(self) -> str:
        """Id of the top-level section this one belongs to.

        Examples
        --------
        >>> section("D0.2.3.1").top
        'D0.2'
        """
        return ".".join(self.id.split(".")[:2])


@dataclass(frozen=True)
class Document:
    """One of the five documents."""

    id: str
    title: str
    original: str | None
    language: str
    sections: tuple[Section, ...]


@cache
def documents() -> Mapping[str, Document]:
    """The five documents by id, with their sections in order.

    Examples
    --------
    >>> {name: document.language for name, document in documents().items()}
    {'D0': 'da', 'D1': 'en', 'D2': 'zh-Hant', 'D3': 'zh-Hant', 'D4': 'zh-Hant'}
    """
    loaded: dict[str, Document] = {}
    entries: list[dict[str, Any]] = read_yaml(DATA / "outline.yaml")["documents"]
    for entry in entries:
        loaded[entry["id"]] = Document(
            id=entry["id"],
            title=entry["title"],
            original=entry.get("original"),
            language=entry["language"],
            sections=tuple(
                Section(
                    id=item["id"],
                    document=entry["id"],
                    original=item.get("original"),
                    english=item["english"],
                    language=entry["language"],
                    paraphrase=item.get("paraphrase"),
                )
                for item in entry["sections"]
            ),
        )
    return MappingProxyType(loaded)


def outline(document: str | None = None) -> tuple[Section, ...]:
    """Sections of one document, or of all five, in the documents' order.

    Parameters
    ----------
    document : str, optional
        ``D0`` … ``D4``.

    Raises
    ------
    InputError
        If there is no such document.

    Examples
    --------
    >>> len(outline("D0")), outline("D0")[1].original
    (33, 'Introduktion')
    """
    if document is not None:
        require_name("document", document, documents())
        return documents()[document].sections
    return tuple(item for entry in documents().values() for item in entry.sections)


@cache
def _by_id() -> Mapping[str, Section]:
    return MappingProxyType({item.id: item for item in outline()})


def section(name: str) -> Section:
    """One section by its id.

    Raises
    ------
    InputError
        If no document has such a section.

    Examples
    --------
    >>> section("D0.4.2.2").english
    'Discontinuance behaviour'
    """
    require_name("section", name, _by_id())
    return _by_id()[name]
