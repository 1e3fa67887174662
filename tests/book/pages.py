"""The built book as tests read it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote, urlsplit

import yaml
from bs4 import BeautifulSoup, Tag

ROOT = Path(__file__).parents[2]
BUILT = ROOT / "_build" / "html"
CONTENTS = ROOT / "book" / "_toc.yml"


def contents() -> list[str]:
    """Names of the pages in the table of contents, in its order."""

    def below(entry: object) -> Iterator[str]:
        if isinstance(entry, dict):
            for key in ("root", "file"):
                if key in entry:
                    yield str(entry[key]).removesuffix(".md").removesuffix(".ipynb")
            for value in entry.values():
                yield from below(value)
        elif isinstance(entry, list):
            for value in entry:
                yield from below(value)

    return list(below(yaml.safe_load(CONTENTS.read_text(encoding="utf-8"))))


def missing() -> str | None:
    """Why there is nothing to test, or None."""
    absent = [name for name in contents() if not (BUILT / f"{name}.html").is_file()]
    if not absent:
        return None
    return f"{', '.join(absent)}: not built; run `make book`"


@dataclass
class BuiltPage:
    """One page of the built book."""

    name: str

    @property
    def path(self) -> Path:
        """Where it is."""
        return BUILT / f"{self.name}.html"

    @cached_property
    def soup(self) -> BeautifulSoup:
        """The whole page."""
        return BeautifulSoup(self.path.read_text(encoding="utf-8"), "html.parser")

    @property
    def article(self) -> Tag:
        """What the author wrote, without menus."""
        found = self.soup.select_one("article.bd-article")
        assert found is not None, f"{self.name} has no article"
        return found

    @cached_property
    def anchors(self) -> frozenset[str]:
        """What a link may point to."""
        return frozenset(str(tag["id"]) for tag in self.soup.find_all(id=True))

    def prose(self) -> Iterator[tuple[str, Tag]]:
        """Texts of the article with the elements they stand in, without code and formulas."""
        for text in self.article.find_all(string=True):
            parent = text.parent
            inside = [parent, *parent.parents] if parent is not None else []
            if any(
                tag.name in ("script", "style", "pre", "code") or "math" in (tag.get("class") or [])
                for tag in inside
            ):
                continue
            if parent is not None and text.strip():
                yield str(text), parent


def broken_links(pages: dict[str, BuiltPage]) -> list[str]:
    """Links of the pages that lead nowhere inside the book."""
    known = {page.path: page for page in pages.values()}
    broken = []
    for page in pages.values():
        for tag, attribute in (("a", "href"), ("img", "src"), ("link", "href"), ("script", "src")):
            for element in page.soup.find_all(tag, attrs={attribute: True}):
                target = str(element[attribute])
                parts = urlsplit(target)
                if parts.scheme or target.startswith("//"):
                    continue
                path = page.path
                if parts.path:
                    path = (page.path.parent / unquote(parts.path)).resolve()
                anchors = {"", *known[path].anchors} if path in known else {unquote(parts.fragment)}
                if not path.is_file() or unquote(parts.fragment) not in anchors:
                    broken.append(f"{page.name}: {target}")
    return broken


CHINESE = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff]")
