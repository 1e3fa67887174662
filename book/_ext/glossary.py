"""Sphinx extension: a glossary whose entries have an English, a Chinese and a Danish term.

The ``{trilingual-glossary}`` directive renders ``glossary_terms.yaml`` as one Sphinx glossary, so
that ``{term}`` links work from any page in any of the three languages.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from docutils import nodes  # type: ignore[import-untyped]
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.domains.std import make_glossary_term
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

from pycore.claims import chapter_pages, section
from pycore.errors import InputError, require_name
from pycore.facts.yaml_file import read_yaml

TERMS_FILE = Path(__file__).parents[1] / "glossary_terms.yaml"

#: Field of the file -> language tag of the term.
LANGUAGES = {"en": "en", "zh": "zh-Hant", "da": "da"}


@dataclass(frozen=True)
class Entry:
    """One entry of the glossary; ``terms`` maps a field of the file to its term."""

    terms: dict[str, str]
    definition: str
    see_also: tuple[str, ...]
    sections: tuple[str, ...]

    @property
    def distinct(self) -> list[tuple[str, str]]:
        """Language tag and term, without a term that repeats an earlier language's."""
        shown: list[tuple[str, str]] = []
        for field, tag in LANGUAGES.items():
            term = self.terms[field]
            if term.casefold() not in {word.casefold() for _, word in shown}:
                shown.append((tag, term))
        return shown


@cache
def entries(path: Path = TERMS_FILE) -> tuple[Entry, ...]:
    """Read and check the glossary: complete, no term twice, no dangling reference."""
    loaded = tuple(
        Entry(
            terms={field: item[field] for field in LANGUAGES},
            definition=item["definition"],
            see_also=tuple(item.get("see_also", ())),
            sections=tuple(item.get("sections", ())),
        )
        for item in read_yaml(path)["terms"]
    )
    english = [entry.terms["en"] for entry in loaded]
    seen: set[str] = set()
    for entry in loaded:
        for _, term in entry.distinct:
            if term.casefold() in seen:
                raise InputError(f"{path.name}: the term {term!r} stands twice")
            seen.add(term.casefold())
        for other in entry.see_also:
            require_name(f"{path.name}, see_also of {entry.terms['en']}", other, english)
        for name in entry.sections:
            section(name)
    return loaded


def _link(env: BuildEnvironment, kind: str, target: str, text: str) -> nodes.Node:
    return addnodes.pending_xref(
        "",
        nodes.inline(text, text),
        refdomain="std",
        reftype=kind,
        reftarget=target,
        refdoc=env.docname,
        refexplicit=True,
        refwarn=True,
    )


def _joined(lead: str, links: list[nodes.Node]) -> nodes.Node:
    line = nodes.paragraph(lead, lead)
    for position, link in enumerate(links):
        if position:
            line += nodes.Text(", ")
        line += link
    line += nodes.Text(".")
    return line


class TrilingualGlossary(SphinxDirective):
    """``{trilingual-glossary}``: the whole glossary, sorted by its English terms."""

    def run(self) -> list[nodes.Node]:
        """Return one glossary node."""
        self.env.note_dependency(str(TERMS_FILE))
        source, line = self.get_source_info()
        listed = nodes.definition_list("", classes=["glossary"])
        for entry in sorted(entries(), key=lambda entry: entry.terms["en"].casefold()):
            listed += self._item(entry, source, line)
        return [addnodes.glossary("", listed, sorted=False)]

    def _item(self, entry: Entry, source: str, line: int) -> nodes.Node:
        item = nodes.definition_list_item("")
        for tag, term in entry.distinct:
            # docutils turns the class language-da into the attribute lang="da".
            shown = nodes.inline(term, term, classes=[f"language-{tag}"])
            item += make_glossary_term(
                self.env, [shown], None, source, line, node_id=None, document=self.state.document
            )
        definition = nodes.definition("", nodes.paragraph("", entry.definition))
        if entry.see_also:
            links = [_link(self.env, "term", other, other) for other in entry.see_also]
            definition += _joined("See also: ", links)
        if entry.sections:
            definition += _joined("Documents: ", [self._section(name) for name in entry.sections])
        item += definition
        return item

    def _section(self, name: str) -> nodes.Node:
        where = section(name)
        if where.top not in chapter_pages(where.document):
            return nodes.Text(where.id)
        return _link(self.env, "ref", where.anchor, where.id)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive."""
    app.add_directive("trilingual-glossary", TrilingualGlossary)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
