"""Sphinx extension: words in the language they are in.

``{da}`skuffelse``` and ``{zh}`直播電商``` mark Danish and traditional Chinese, so that a screen
reader pronounces them and the browser picks the right font.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes  # type: ignore[import-untyped]
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxRole

#: Role -> language tag.
LANGUAGES = {"da": "da", "zh": "zh-Hant"}


class LanguageRole(SphinxRole):
    """Text in another language than the page's."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return one inline node; docutils writes its class as the attribute ``lang``."""
        tag = LANGUAGES[self.name]
        return [nodes.inline(self.rawtext, self.text, classes=[f"language-{tag}"])], []


def setup(app: Sphinx) -> dict[str, Any]:
    """Register one role per language."""
    for name in LANGUAGES:
        app.add_role(name, LanguageRole())
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
