"""The facts store: looking up a published figure and citing it with its confidence mark."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pycore.errors import InputError, allowed_names, refuse, require_name
from pycore.facts.yaml_file import read_yaml

FACTS_FILE = Path(__file__).with_name("facts.yaml")

#: Confidence mark -> the words printed beside a citation.
CONFIDENCE: Mapping[str, str] = MappingProxyType(
    {
        "seen_full_text": "full text",
        "seen_abstract": "abstract",
        "seen_secondary": "secondary source",
        "recomputed": "recomputed here",
        "derived": "derived here",
        "memory_unverified": "from memory",
        "memory_low": "from memory, weak",
        "NOT_FOUND": "not found",
    }
)

_CITABLE = frozenset({"seen_full_text", "seen_abstract", "seen_secondary", "recomputed", "derived"})


def frozen(value: Any) -> Any:
    """Copy plain YAML data into read-only mappings and tuples.

    Examples
    --------
    >>> frozen({"a": [1, 2]})["a"]
    (1, 2)
    """
    if isinstance(value, dict):
        return MappingProxyType({key: frozen(entry) for key, entry in value.items()})
    if isinstance(value, list):
        return tuple(frozen(entry) for entry in value)
    return value


@dataclass(frozen=True)
class Work:
    """A published work.

    Attributes
    ----------
    key : str
        Name in the store and in ``book/references.bib``.
    citation : str
        The reference as text.  Fields nobody here has read are absent.
    short : str
        Author and year: ``Tan et al. 2016``; a work whose authors nobody read is named otherwise.
    doi : str or None
        Digital object identifier, where read.
    bib : Mapping or None
        BibTeX fields, for works cited on the pages of the book.
    """

    key: str
    citation: str
    short: str
    doi: str | None
    bib: Mapping[str, Any] | None


@dataclass(frozen=True)
class Fact:
    """One published figure or finding.

    Attributes
    ----------
    id : str
        Name in the store.
    topic : str
        One of :func:`topics`.
    quantity : str
        What was measured.
    value : Any
        A number, a text, or a read-only mapping or tuple of them.
    unit : str or None
        Unit of the value.
    n : Any
        Sample size, as a number or as the paper words it.
    uncertainty : Mapping or None
        Standard errors, intervals, test statistics as printed.
    year : int or None
        Year of publication.
    work : Work
        Where it stands.
    confidence : str
        One of :data:`CONFIDENCE`.
    note : str or None
        What to know before using it.
    """

    id: str
    topic: str
    quantity: str
    value: Any
    unit: str | None
    n: Any
    uncertainty: Mapping[str, Any] | None
    year: int | None
    work: Work
    confidence: str
    note: str | None

    @property
    def citable(self) -> bool:
        """Whether the figure may be printed as a citation.

        Examples
        --------
        >>> get("gao2023_r2").citable, get("bhattacherjee2001").citable
        (True, False)
        """
        return self.confidence in _CITABLE

    def cite(self, *, short: bool = False) -> str:
        """Citation with the mark of how the figure was read.

        Parameters
        ----------
        short : bool
            Author and year instead of the full reference.

        Returns
        -------
        str
            For a sentence, a caption or a table cell.

        Raises
        ------
        InputError
            If the figure is from memory or was not found: such a figure is never printed.

        Examples
        --------
        >>> get("sheng2023_n").cite(short=True)
        'Sheng et al. 2023 [abstract]'
        >>> get("bhattacherjee2001").cite()
        Traceback (most recent call last):
        ...
        pycore.errors.InputError: fact: received 'bhattacherjee2001', allowed is a figure somebody \
has read; this one is marked memory_low (from memory, weak) and may not be printed
        """
        if not self.citable:
            raise refuse(
                "fact",
                self.id,
                f"a figure somebody has read; this one is marked {self.confidence} "
                f"({CONFIDENCE[self.confidence]}) and may not be printed",
            )
        mark = f"[{CONFIDENCE[self.confidence]}]"
        if short:
            return f"{self.work.short} {mark}"
        doi = f", doi:{self.work.doi}" if self.work.doi else ""
        return f"{self.work.citation}{doi} {mark}"


def _author_and_year(citation: str) -> str:
    """Shorten ``Tan C-W, Benbasat I, Cenfetelli RT (2016) …``.

    Examples
    --------
    >>> _author_and_year("Tan C-W, Benbasat I (2016) A study")
    'Tan and Benbasat 2016'
    """
    parts = re.match(r"(?P<who>[^(]+?)\s+\((?P<year>\d{4})\)", citation)
    if parts is None:
        raise InputError(f"facts.yaml: {citation!r} does not begin with authors and a year")
    names = [re.sub(r"\s+[A-Z](?:-?[A-Z])*$", "", name) for name in parts["who"].split(", ")]
    if len(names) > 2:
        return f"{names[0]} et al. {parts['year']}"
    return f"{' and '.join(names)} {parts['year']}"


@cache
def works() -> Mapping[str, Work]:
    """All works of the store by key.

    Examples
    --------
    >>> works()["oliver1980"].doi
    '10.1177/002224378001700405'
    """
    entries: dict[str, Any] = read_yaml(FACTS_FILE)["works"]
    return MappingProxyType(
        {
            key: Work(
                key=key,
                citation=entry["citation"],
                short=entry.get("short") or _author_and_year(entry["citation"]),
                doi=entry.get("doi"),
                bib=frozen(entry.get("bib")),
            )
            for key, entry in entries.items()
        }
    )


def work(key: str) -> Work:
    """One work by its key.

    Raises
    ------
    InputError
        If the store has no such work.

    Examples
    --------
    >>> work("peng2024").short
    'Peng et al. 2024'
    """
    require_name("work", key, works())
    return works()[key]


@cache
def load() -> Mapping[str, Fact]:
    """All facts of the store by id, in the order of the file.

    Examples
    --------
    >>> len(load()) > 170
    True
    """
    entries: dict[str, Any] = read_yaml(FACTS_FILE)["facts"]
    loaded: dict[str, Fact] = {}
    for name, entry in entries.items():
        if entry["confidence"] not in CONFIDENCE:
            raise InputError(
                f"facts.yaml, {name}, confidence: received {entry['confidence']!r}, "
                f"allowed is {allowed_names(CONFIDENCE)}"
            )
        loaded[name] = Fact(
            id=name,
            topic=entry["topic"],
            quantity=entry["quantity"],
            value=frozen(entry["value"]),
            unit=entry.get("unit"),
            n=frozen(entry.get("n")),
            uncertainty=frozen(entry.get("uncertainty")),
            year=entry.get("year"),
            work=work(entry["work"]),
            confidence=entry["confidence"],
            note=entry.get("note"),
        )
    return MappingProxyType(loaded)


def get(name: str) -> Fact:
    """One fact by its id.

    Parameters
    ----------
    name : str
        Id of the fact.

    Returns
    -------
    Fact
        Value, unit, sample, source and confidence mark together.

    Raises
    ------
    InputError
        If the store has no such fact; the message names the nearest one.

    Examples
    --------
    >>> get("live_users_cnnic_series").value["2020-12"]
    3.88
    """
    require_name("fact", name, load())
    return load()[name]


def topics() -> tuple[str, ...]:
    """The topics of the store.

    Examples
    --------
    >>> "service_failure" in topics()
    True
    """
    return tuple(dict.fromkeys(fact.topic for fact in load().values()))


def find(
    topic: str | None = None, *, text: str | None = None, confidence: Iterable[str] | None = None
) -> tuple[Fact, ...]:
    """Facts of a topic, by words of their quantity, by confidence mark, or all three.

    Parameters
    ----------
    topic : str, optional
        One of :func:`topics`.
    text : str, optional
        Words that must occur in the id, the quantity or the citation, in any order and case.
    confidence : iterable of str, optional
        Marks to keep; see :data:`CONFIDENCE`.

    Returns
    -------
    tuple of Fact
        In the order of the file.

    Raises
    ------
    InputError
        If the topic or a mark does not exist.

    Examples
    --------
    >>> [fact.id for fact in find("service_failure", text="discontinuance 307")]
    []
    >>> [fact.id for fact in find("service_failure", text="system failure none")]
    ['tan2016_failures_direction']
    """
    if topic is not None:
        require_name("topic", topic, topics())
    marks = None if confidence is None else set(confidence)
    for mark in marks or ():
        require_name("confidence", mark, CONFIDENCE)
    words = (text or "").casefold().split()

    def matches(fact: Fact) -> bool:
        haystack = f"{fact.id} {fact.quantity} {fact.work.citation}".casefold()
        return (
            (topic is None or fact.topic == topic)
            and (marks is None or fact.confidence in marks)
            and all(word in haystack for word in words)
        )

    return tuple(fact for fact in load().values() if matches(fact))
