"""Sphinx extension: claim marks, verdict tables, the ledger appendix and original titles.

Add ``pycore.claims.sphinx_ext`` to the extensions.  A page then writes ``{claim}`C-D0-022``` where
it speaks of a claim, ends a section with the ``{claims}`` directive, and the appendix lists whole
documents with ``{ledger}``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes  # type: ignore[import-untyped]
from docutils.parsers.rst import directives  # type: ignore[import-untyped]
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective, SphinxRole
from sphinx.util.nodes import make_refnode

import pycore
from pycore.claims.claim import STATUSES, Claim, Evidence
from pycore.claims.ledger import get, load, summary
from pycore.claims.outline import DATA, documents, section
from pycore.errors import InputError, require_name
from pycore.facts import get as get_fact
from pycore.facts.store import FACTS_FILE

_STATIC = Path(__file__).with_name("static")
_REFERENCE = "pycore-claim"


def _watch_ledger(env: BuildEnvironment, names: Iterable[str]) -> None:
    # A page is rebuilt when the ledger behind it changes.
    env.note_dependency(str(FACTS_FILE))
    env.note_dependency(str(DATA / "outline.yaml"))
    for name in names:
        env.note_dependency(str(DATA / f"{name.lower()}.yaml"))


def _claim_link(env: BuildEnvironment, claim: Claim, shown: nodes.Node) -> nodes.Node:
    return addnodes.pending_xref(
        "",
        shown,
        refdomain="",
        reftype=_REFERENCE,
        reftarget=claim.id,
        refdoc=env.docname,
        refexplicit=True,
        refwarn=True,
    )


def _label_link(env: BuildEnvironment, label: str, text: str) -> nodes.Node:
    return addnodes.pending_xref(
        "",
        nodes.inline(text, text),
        refdomain="std",
        reftype="ref",
        reftarget=label,
        refdoc=env.docname,
        refexplicit=True,
        refwarn=True,
    )


def _status(claim: Claim) -> nodes.Node:
    return nodes.inline(
        claim.status, claim.status, classes=["claim-status", f"claim-{claim.status}"]
    )


def _text(sentence: str) -> list[nodes.Node]:
    """Inline nodes of a sentence; `backticks` become code."""
    parts = re.split(r"`([^`]+)`", sentence)
    return [
        nodes.literal(part, part) if odd % 2 else nodes.Text(part)
        for odd, part in enumerate(parts)
        if part
    ]


def _evidence(env: BuildEnvironment, item: Evidence) -> list[nodes.Node]:
    code = nodes.literal(item.name, item.name)
    if item.kind == "fact":
        return [nodes.Text(get_fact(item.name).cite(short=True))]
    if item.kind in ("figure", "table"):
        return [_label_link(env, item.name, f"{item.kind} {item.name}")]
    if item.kind == "notebook":
        document = env.path2doc(str(Path(env.config.claims_root) / item.source))
        if document is not None and document in env.found_docs:
            link = addnodes.pending_xref(
                "",
                nodes.inline("", "notebook ", code),
                refdomain="std",
                reftype="doc",
                reftarget=f"/{document}",
                refdoc=env.docname,
                refexplicit=True,
                refwarn=True,
            )
            return [link]
    return [nodes.Text(f"{item.kind} "), code]


def _evidence_line(env: BuildEnvironment, claim: Claim) -> nodes.Node:
    line = nodes.paragraph("", "Evidence: ", classes=["claim-evidence"])
    for position, item in enumerate(claim.evidence):
        if position:
            line += nodes.Text("; ")
        line.extend(_evidence(env, item))
    line += nodes.Text(".")
    return line


def _table(
    headers: Sequence[str],
    rows: Sequence[Sequence[list[nodes.Node]]],
    widths: Sequence[int],
) -> Any:
    group = nodes.tgroup(cols=len(headers))
    for width in widths:
        group += nodes.colspec(colwidth=width)

    def row(cells: Iterable[list[nodes.Node]]) -> nodes.Node:
        return nodes.row("", *(nodes.entry("", *cell) for cell in cells))

    group += nodes.thead("", row([nodes.paragraph(text, text)] for text in headers))
    group += nodes.tbody("", *(row(cells) for cells in rows))
    return nodes.table("", group, classes=["claim-table"])


class ClaimRole(SphinxRole):
    """``{claim}`C-D0-022```: the claim's id and status, linked to its ledger entry."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the mark, or an error with the unknown id."""
        try:
            claim = get(self.text.strip())
        except InputError as error:
            message = self.inliner.reporter.error(str(error), line=self.lineno)
            problem = self.inliner.problematic(self.rawtext, self.rawtext, message)
            return [problem], [message]
        _watch_ledger(self.env, [claim.document])
        words = f"{claim.id} {claim.status}"
        mark = nodes.inline(words, words, classes=["claim-mark", f"claim-{claim.status}"])
        return [_claim_link(self.env, claim, mark)], []


class ClaimsDirective(SphinxDirective):
    """``{claims}`` with ``:section:``: the verdicts on one section's claims."""

    option_spec: ClassVar[dict[str, Any]] = {"section": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        """Return the table of verdicts."""
        try:
            where = section(self.options.get("section", ""))
        except InputError as error:
            raise self.error(str(error)) from error
        found = [claim for claim in load(where.document) if claim.section == where.id]
        if not found:
            raise self.error(f"section {where.id} makes no claim")
        _watch_ledger(self.env, [where.document])
        rows = [
            [self._identity(claim), self._statement(claim), self._verdict(claim)] for claim in found
        ]
        headers = ["Claim, status", "What the document says", "Verdict and evidence"]
        table = _table(headers, rows, [18, 32, 50])
        caption = f"Verdicts on the claims of section {where.id}"
        table.insert(0, nodes.title(caption, caption))
        table["names"].append(f"claims-{where.anchor}")
        self.state.document.note_explicit_target(table)
        self.set_source_info(table)
        return [table]

    def _identity(self, claim: Claim) -> list[nodes.Node]:
        link = _claim_link(self.env, claim, nodes.inline(claim.id, claim.id))
        return [nodes.paragraph("", "", link), nodes.paragraph("", "", _status(claim))]

    def _statement(self, claim: Claim) -> list[nodes.Node]:
        return [nodes.paragraph("", "", *_text(claim.statement))]

    def _verdict(self, claim: Claim) -> list[nodes.Node]:
        verdict: list[nodes.Node] = [nodes.paragraph("", "", *_text(claim.verdict))]
        return [*verdict, _evidence_line(self.env, claim)] if claim.evidence else verdict


class LedgerDirective(SphinxDirective):
    """``{ledger} D0``: every claim of a document, each with its own anchor."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return one entry for each claim."""
        try:
            found = load(self.arguments[0])
        except InputError as error:
            raise self.error(str(error)) from error
        _watch_ledger(self.env, [self.arguments[0]])
        return [self._entry(claim) for claim in found]

    def _entry(self, claim: Claim) -> nodes.Node:
        labels = self.env.get_domain("std")
        labels.note_hyperlink_target(claim.anchor, self.env.docname, claim.anchor, claim.id)  # type: ignore[attr-defined]
        entry = nodes.container("", ids=[claim.anchor], classes=["claim-entry"])
        entry += nodes.paragraph(
            "",
            "",
            nodes.strong(claim.id, claim.id),
            nodes.Text(" · "),
            self._section(claim),
            nodes.Text(" · "),
            _status(claim),
            nodes.Text(" · "),
            *_text(claim.statement),
        )
        if claim.verdict:
            entry += nodes.paragraph("", "", *_text(claim.verdict))
        if claim.symbols:
            symbols: list[nodes.Node] = [nodes.Text("In the model: ")]
            for position, name in enumerate(claim.symbols):
                symbols += [nodes.Text(", ")] if position else []
                symbols.append(nodes.literal(name, name))
            entry += nodes.paragraph("", "", *symbols)
        if claim.evidence:
            entry += _evidence_line(self.env, claim)
        return entry

    def _section(self, claim: Claim) -> nodes.Node:
        where = section(claim.section)
        text = f"{where.id} {where.english}"
        return nodes.Text(text) if claim.page is None else _label_link(self.env, where.anchor, text)


class LedgerSummaryDirective(SphinxDirective):
    """``{ledger-summary}``: how many claims have which status, by document or for one."""

    optional_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the table of counts."""
        _watch_ledger(self.env, documents())
        counts = summary()
        if self.arguments:
            try:
                require_name("document", self.arguments[0], documents())
            except InputError as error:
                raise self.error(str(error)) from error
            counts = counts[[self.arguments[0]]]
            counts = counts[counts.iloc[:, 0] > 0]
        rows: list[list[list[nodes.Node]]] = []
        for status, meaning in STATUSES.items():
            if status not in counts.index:
                continue
            label = nodes.inline(status, status, classes=["claim-status", f"claim-{status}"])
            cells = [meaning, *(str(int(number)) for number in counts.loc[status])]
            rows.append(
                [
                    [nodes.paragraph("", "", label)],
                    *([nodes.paragraph(text, text)] for text in cells),
                ]
            )
        headers = ["Status", "Meaning", *counts.columns]
        return [_table(headers, rows, [14, 50, *([6] * len(counts.columns))])]


class OriginalTitleDirective(SphinxDirective):
    """``{original-title} D0.3.1``: the section's heading in the document's own language."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the title, with its language."""
        try:
            where = section(self.arguments[0])
        except InputError as error:
            raise self.error(str(error)) from error
        if where.original is None:
            raise self.error(f"section {where.id} has no heading in its document")
        self.env.note_dependency(str(DATA / "outline.yaml"))
        # docutils turns the class language-da into the attribute lang="da".  It stands inside the
        # paragraph: of a whole paragraph docutils would want to know the language's quotation marks.
        title = nodes.inline(where.original, where.original, classes=[f"language-{where.language}"])
        return [nodes.paragraph("", "", title, classes=["original-title"])]


def _resolve_claim(
    app: Sphinx, env: BuildEnvironment, node: addnodes.pending_xref, shown: nodes.Element
) -> nodes.reference | None:
    if node["reftype"] != _REFERENCE:
        return None
    claim = get(node["reftarget"])
    target = env.get_domain("std").anonlabels.get(claim.anchor)  # type: ignore[attr-defined]
    if target is None:
        return None
    title = f"{claim.status}: {STATUSES[claim.status]}"
    return make_refnode(app.builder, node["refdoc"], target[0], target[1], [shown], title)


def _prepare(app: Sphinx, config: Config) -> None:
    config.html_static_path.append(str(_STATIC))
    if config.claims_root is None:
        above = [Path(app.srcdir), *Path(app.srcdir).parents]
        found = (folder for folder in above if (folder / "pyproject.toml").is_file())
        config.claims_root = str(next(found, app.srcdir))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the roles and directives."""
    # Paths of evidence are relative to the checkout; the nearest pyproject.toml marks its top.
    app.add_config_value("claims_root", None, "env", [str])
    app.add_role("claim", ClaimRole())
    app.add_directive("claims", ClaimsDirective)
    app.add_directive("ledger", LedgerDirective)
    app.add_directive("ledger-summary", LedgerSummaryDirective)
    app.add_directive("original-title", OriginalTitleDirective)
    app.connect("config-inited", _prepare)
    app.connect("missing-reference", _resolve_claim)
    app.add_css_file("claims.css")
    return {
        "version": pycore.__version__,
        "parallel_read_safe": True,
        "parallel_write_safe": True,
    }
