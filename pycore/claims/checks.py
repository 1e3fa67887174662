"""The checks that keep ledger, book and evidence together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pycore.claims.claim import STATUSES, Claim, Evidence
from pycore.claims.ledger import chapter_pages, load
from pycore.claims.outline import Section, documents, outline
from pycore.claims.sources import Page, glue_keys, names_of_tests, pages_below, read_page
from pycore.errors import refuse
from pycore.facts import load as load_facts

#: Evidence that continuous integration runs: tests, re-executed notebooks, drawn figures, tables.
_RUNS = ("test", "notebook", "figure", "table")

#: Statuses that report a finding and so need evidence that runs.
_FINDINGS = ("emergent", "estimated", "checked")


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, and where.

    Examples
    --------
    >>> print(Problem("C-D0-001", "has no verdict"))
    C-D0-001: has no verdict
    """

    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


def check(
    pages_dir: str | Path,
    *,
    root: str | Path | None = None,
    claims: Sequence[Claim] | None = None,
    chapters: Callable[[str], object] = chapter_pages,
) -> list[Problem]:
    """Compare the ledger with the book, the tests and the notebooks of a checkout.

    Parameters
    ----------
    pages_dir : path
        Folder of the book's pages.
    root : path, optional
        Top of the checkout, which page and evidence paths are relative to; by default the folder
        that holds ``pages_dir``.
    claims : sequence of Claim, optional
        The ledger to check; by default the whole of :func:`pycore.claims.load`.
    chapters : callable, optional
        Document id -> its chapter's pages, empty where there is no chapter.

    Returns
    -------
    list of Problem
        Empty when everything holds: every claim has a page that shows it; pages cite known claims;
        an emergent, estimated or checked claim has evidence that runs and exists; a premise is
        never evidenced by simulation only, and no finding repeats a premise; facts in evidence
        exist and somebody has read them; every section of a document with a chapter has a heading.

    Raises
    ------
    InputError
        If ``pages_dir`` is not a folder.

    Examples
    --------
    >>> from pathlib import Path
    >>> check(Path("no/such/folder"))
    Traceback (most recent call last):
    ...
    pycore.errors.InputError: pages_dir: received 'no/such/folder', allowed is an existing folder
    """
    folder = Path(pages_dir).resolve()
    if not folder.is_dir():
        raise refuse("pages_dir", str(pages_dir), "an existing folder")
    top = folder.parent if root is None else Path(root).resolve()
    ledger = load() if claims is None else tuple(claims)
    pages = {path: read_page(path) for path in pages_below(folder)}
    notebooks = {path: read_page(path) for path in pages_below(top / "notebooks")}
    with_chapter = [name for name in documents() if chapters(name)]
    problems: list[Problem] = []
    for claim in ledger:
        problems += _entry(claim, claim.document in with_chapter)
        problems += _evidence(claim, top, pages)
        problems += _shown(claim, top, pages)
    problems += _no_finding_repeats_a_premise(ledger)
    problems += _marks({**pages, **notebooks}, top, {claim.id for claim in ledger})
    for name in with_chapter:
        chapter = {
            path: page for path, page in pages.items() if folder / name.lower() in path.parents
        }
        problems += _headings(outline(name), chapter)
    return problems


def _entry(claim: Claim, has_chapter: bool) -> Iterator[Problem]:
    if claim.status not in STATUSES:
        yield Problem(claim.id, f"status {claim.status!r} is none of {', '.join(STATUSES)}")
        return
    if claim.status == "pending":
        if has_chapter:
            yield Problem(claim.id, f"is pending although {claim.document} has a chapter")
        return
    if not claim.verdict:
        yield Problem(claim.id, "has no verdict")
    if claim.page is None:
        yield Problem(claim.id, "has no page")
    if claim.status == "premise" and not claim.symbols:
        yield Problem(claim.id, "is a premise but names no symbol it is built into")


def _evidence(claim: Claim, root: Path, pages: dict[Path, Page]) -> Iterator[Problem]:
    for item in claim.evidence:
        missing = _missing(item, root, pages)
        if missing:
            yield Problem(claim.id, f"evidence {item}: {missing}")
    runs = claim.of_kind(*_RUNS)
    cited = claim.of_kind("fact")
    if claim.status in _FINDINGS and not runs:
        yield Problem(claim.id, f"is {claim.status} without evidence that runs")
    if claim.status == "emergent" and not claim.of_kind("test"):
        yield Problem(claim.id, "is emergent but names no test that shows it")
    if claim.status == "checked" and not cited:
        yield Problem(claim.id, "is checked but names no published figure")
    if claim.status == "contradicted" and not claim.evidence:
        yield Problem(claim.id, "is contradicted without evidence")
    if claim.status == "premise" and runs and not cited:
        yield Problem(claim.id, "is a premise evidenced by simulation only")


def _missing(item: Evidence, root: Path, pages: dict[Path, Page]) -> str | None:
    """What an evidence reference lacks, or None if it stands."""
    path = root / item.source
    if item.kind == "fact":
        fact = load_facts().get(item.name)
        if fact is None:
            return "no such fact in the store"
        return None if fact.citable else f"the fact is marked {fact.confidence}"
    if item.kind == "test":
        if not item.source.startswith("tests/"):
            return "is not below tests/"
        return None if item.name in names_of_tests(path) else "no such test"
    if item.kind == "notebook":
        return None if item.name in glue_keys(path) else "no such glue key"
    page = pages.get(path) or (read_page(path) if path.is_file() else None)
    if page is None:
        return "no such page"
    return None if item.name in page.labels else f"no such {item.kind} label"


def _shown(claim: Claim, root: Path, pages: dict[Path, Page]) -> Iterator[Problem]:
    if claim.page is None:
        return
    name, _, anchor = claim.page.partition("#")
    page = pages.get(root / name)
    if page is None:
        yield Problem(claim.id, f"page {name} does not exist")
        return
    if anchor not in page.labels:
        yield Problem(claim.id, f"page {name} has no anchor {anchor}")
    if claim.id not in page.marks and claim.section not in page.tables:
        yield Problem(claim.id, f"page {name} neither marks it nor lists {claim.section}'s claims")


def _no_finding_repeats_a_premise(ledger: Sequence[Claim]) -> Iterator[Problem]:
    # A mediation is left out: its links may be premises while the size of the indirect effect,
    # which is what gets reported, stands in none of them.
    def edge(claim: Claim) -> tuple[object, ...]:
        return (claim.document, claim.cause, claim.effect, claim.moderator)

    kinds = ("causal", "moderation")
    premises = {
        edge(claim): claim.id
        for claim in ledger
        if claim.status == "premise" and claim.kind in kinds and claim.cause
    }
    for claim in ledger:
        if claim.status == "emergent" and claim.kind in kinds and edge(claim) in premises:
            yield Problem(claim.id, f"is emergent but repeats the premise {premises[edge(claim)]}")


def _marks(pages: dict[Path, Page], root: Path, known: set[str]) -> Iterator[Problem]:
    sections = {section.id for section in outline()}
    for path, page in pages.items():
        where = path.relative_to(root).as_posix()
        for mark in page.marks:
            if mark not in known:
                yield Problem(where, f"cites the unknown claim {mark}")
        for name in sorted((page.tables | page.originals) - sections):
            yield Problem(where, f"names the unknown section {name}")


def _headings(sections: Sequence[Section], chapter: dict[Path, Page]) -> Iterator[Problem]:
    for section in sections:
        count = sum(page.headings.get(section.anchor, 0) for page in chapter.values())
        if count != 1:
            wanted = f"({section.anchor})= above a heading"
            yield Problem(section.id, f"expected exactly one {wanted}, found {count}")
            continue
        page = next(page for page in chapter.values() if section.anchor in page.headings)
        if section.original is None or section.id in page.originals:
            continue
        if section.original not in page.text:
            yield Problem(
                section.id, f"its page does not print the original title {section.original!r}"
            )
