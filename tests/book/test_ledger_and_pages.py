"""Ledger, pages, evidence and outline agree; pages take numbers from where they are cached."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pycore import claims
from tests.book.pages import ROOT, contents

SOURCES = [
    path
    for name in contents()
    for path in ((ROOT / f"{name}.md"), (ROOT / f"{name}.ipynb"))
    if path.is_file()
]


def test_every_claim_has_its_page_and_its_evidence() -> None:
    assert [str(problem) for problem in claims.check(ROOT / "book")] == []


def test_every_entry_of_the_contents_has_one_source() -> None:
    assert len(SOURCES) == len(contents()) == len(set(contents()))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_no_executed_cell_reads_the_verdicts(path: Path) -> None:
    # Verdicts are not in the key of the cache, so a cached cell could show an old one; the
    # ledger's directives are read at every build.
    text = path.read_text(encoding="utf-8")
    cells = re.findall(r"^```\{code-cell\}.*?^```", text, flags=re.MULTILINE | re.DOTALL)
    code = text if path.suffix == ".ipynb" else "\n".join(cells)
    assert re.search(r"pycore\.claims|from pycore import [^\n]*\bclaims\b|pc\.claims", code) is None


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_a_page_with_cells_is_a_notebook_for_the_book(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".md" and "```{code-cell}" in text:
        assert text.startswith("---\n")
        assert "file_format: mystnb" in text.split("---\n")[1]
