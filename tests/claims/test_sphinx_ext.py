"""Pages built with the extension: marks, tables and the ledger, without a warning."""

from __future__ import annotations

import io
import re
import sys
from html import unescape
from pathlib import Path

import pytest

from pycore import claims

pytest.importorskip("sphinx", reason="the book's dependencies are not installed")
pytest.importorskip("myst_parser", reason="the book's dependencies are not installed")

from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "book" / "_ext"))

# Sphinx 7.4 and docutils announce the removal of things they use themselves.
pytestmark = [
    pytest.mark.filterwarnings("default::DeprecationWarning"),
    pytest.mark.filterwarnings("default::PendingDeprecationWarning"),
]

PAGE = """
(d0-3)=
# Theory

(d0-3-1)=
## The model

```{original-title} D0.3.1
```

```{original-title} D3.1
```

Exhaustion raises the hazard {claim}`C-D0-026`; growth was not exponential {claim}`C-D0-010`.
A {term}`hazard` is a {term}`風險率`, in Danish {term}`hazardrate`.

```{claims}
:section: D0.3.1
```
"""


def build(folder: Path, pages: dict[str, str]) -> tuple[Path, str]:
    """Build pages to HTML; return the output folder and the warnings."""
    source = folder / "source"
    for name, text in pages.items():
        path = source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    warnings = io.StringIO()
    with patch_docutils(str(source)), docutils_namespace():
        app = Sphinx(
            srcdir=source,
            confdir=None,
            outdir=folder / "html",
            doctreedir=folder / "doctrees",
            buildername="html",
            confoverrides={
                "extensions": ["myst_parser", "pycore.claims.sphinx_ext", "glossary"],
                "numfig": True,
                "nitpicky": True,
                "html_theme": "basic",
                "html_static_path": [],
            },
            status=None,
            warning=warnings,
            freshenv=True,
        )
        app.build()
    return folder / "html", re.sub(r"\x1b\[[0-9;]*m", "", warnings.getvalue())


def anchors() -> str:
    """A page with a heading for every section of a written chapter but those of `PAGE`."""
    there = {"d0-3", "d0-3-1"}
    return "# Rest\n" + "".join(
        f"\n({section.anchor})=\n## {section.english}\n"
        for document in sorted(p.name.upper() for p in (ROOT / "book").glob("d[0-9]"))
        for section in claims.outline(document)
        if section.anchor not in there
    )


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    return build(
        tmp_path_factory.mktemp("book"),
        {
            "index.md": "# Book\n\n```{toctree}\nd0/theory\nd0/rest\nappendix/ledger\n```\n\n"
            "```{ledger-summary}\n```\n",
            "d0/theory.md": PAGE,
            "d0/rest.md": anchors(),
            "appendix/ledger.md": "# Ledger\n\n```{ledger-summary} D0\n```\n\n```{ledger} D0\n```\n\n"
            "```{ledger} D4\n```\n\n"
            "## Words\n\n```{trilingual-glossary}\n```\n",
        },
    )


def test_the_pages_build_without_a_warning(book: tuple[Path, str]) -> None:
    assert book[1] == ""


def test_a_mark_names_its_status_and_leads_to_the_ledger(book: tuple[Path, str]) -> None:
    html = (book[0] / "d0" / "theory.html").read_text(encoding="utf-8")
    mark = re.search(r'<a [^>]*href="([^"]*)"[^>]*><span class="([^"]*)">(C-D0-026 \w+)<', html)
    assert mark is not None
    assert mark.groups() == (
        "../appendix/ledger.html#claim-c-d0-026",
        "claim-mark claim-premise",
        "C-D0-026 premise",
    )
    ledger = (book[0] / "appendix" / "ledger.html").read_text(encoding="utf-8")
    assert 'id="claim-c-d0-026"' in ledger


def test_a_section_s_table_holds_its_claims_and_only_those(book: tuple[Path, str]) -> None:
    html = (book[0] / "d0" / "theory.html").read_text(encoding="utf-8")
    table = re.search(r'<table class="claim-table[^"]*" id="claims-d0-3-1">.*?</table>', html, re.S)
    assert table is not None
    shown = set(re.findall(r"C-D0-\d{3}", table[0]))
    assert shown == {claim.id for claim in claims.load("D0") if claim.section == "D0.3.1"}
    assert table[0].count("<th class=") == 3
    for claim in claims.load("D0"):
        if claim.section == "D0.3.1":
            assert f'claim-status claim-{claim.status}">{claim.status}<' in table[0]
    assert "Sheng et al. 2023 [abstract]" in table[0]


def test_every_claim_has_one_entry_in_the_ledger(book: tuple[Path, str]) -> None:
    html = (book[0] / "appendix" / "ledger.html").read_text(encoding="utf-8")
    for claim in (*claims.load("D0"), *claims.load("D4")):
        assert html.count(f'id="{claim.anchor}"') == 1
    assert "../d0/theory.html#d0-3-1" in html


def test_the_summary_shows_the_counts(book: tuple[Path, str]) -> None:
    html = (book[0] / "index.html").read_text(encoding="utf-8")
    for status, meaning in claims.STATUSES.items():
        assert f">{status}<" in html
        assert meaning in unescape(html).replace("’", "'")  # the builder sets the quotes
    assert ">343<" in html


def test_the_summary_of_one_document_leaves_out_what_it_has_none_of(book: tuple[Path, str]) -> None:
    html = (book[0] / "appendix" / "ledger.html").read_text(encoding="utf-8")
    table = re.search(r'<table class="claim-table.*?</table>', html, re.S)
    assert table is not None
    counts = claims.summary()["D0"]
    assert "claim-premise" in table[0]
    assert f"<p>{counts['premise']}</p>" in table[0]
    assert "claim-pending" not in table[0]
    assert counts["pending"] == 0


def test_titles_and_terms_carry_their_language(book: tuple[Path, str]) -> None:
    theory = (book[0] / "d0" / "theory.html").read_text(encoding="utf-8")
    assert re.search(r'<p class="original-title"><span lang="da">Stressor-Strain-Outcome', theory)
    glossary = (book[0] / "appendix" / "ledger.html").read_text(encoding="utf-8")
    assert '<span lang="zh-Hant">風險率</span>' in glossary
    assert '<span lang="da">hazardrate</span>' in glossary
    assert '<span lang="en">hazard</span>' in glossary


def test_no_link_leaves_the_machine(book: tuple[Path, str]) -> None:
    for path in book[0].rglob("*.html"):
        html = path.read_text(encoding="utf-8")
        body = html.split('<div class="body"')[1].split('<div class="sphinxsidebar"')[0]
        assert re.findall(r'(?:href|src)="(?:https?:)?//', body) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{claim}`C-D0-999`", "claim: received 'C-D0-999'"),
        ("```{claims}\n:section: D0.7.4\n```", "section D0.7.4 makes no claim"),
        ("```{claims}\n:section: D0.9\n```", "section: received 'D0.9'"),
        ("```{ledger} D7\n```", "document: received 'D7'"),
        ("```{original-title} D0.7.6\n```", "section D0.7.6 has no heading in its document"),
        ("{claim}`C-D1-001`", "reference target not found: C-D1-001"),
    ],
)
def test_a_page_that_names_what_does_not_exist_warns(
    tmp_path: Path, text: str, message: str
) -> None:
    _, warnings = build(tmp_path, {"index.md": f"# Book\n\n{text}\n"})
    assert message in warnings
