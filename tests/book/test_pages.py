"""What a reader may expect of every page of the built book."""

from __future__ import annotations

import csv
import re
from itertools import pairwise
from urllib.parse import unquote

from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

import pycore
from tests.book.pages import BUILT, CHINESE, ROOT, BuiltPage, broken_links

Pages = dict[str, BuiltPage]


def test_every_link_inside_the_book_leads_somewhere(pages: Pages) -> None:
    assert broken_links(pages) == []


def test_nothing_on_a_page_comes_from_a_network(pages: Pages) -> None:
    fetched = [
        f"{page.name}: {element[attribute]}"
        for page in pages.values()
        for tag, attribute in (
            ("script", "src"),
            ("img", "src"),
            ("iframe", "src"),
            ("source", "src"),
            ("link", "href"),
        )
        for element in page.soup.find_all(tag, attrs={attribute: True})
        if re.match(r"(https?:)?//", str(element[attribute]))
    ]
    sheets = [
        f"{sheet.name}: {address}"
        for sheet in (BUILT / "_static").rglob("*.css")
        for address in re.findall(r"url\(['\"]?((?:https?:)?//[^)'\"]+)", sheet.read_text("utf-8"))
    ]
    assert fetched + sheets == []


def test_every_picture_has_words(pages: Pages) -> None:
    wordless = [
        f"{page.name}: {picture.get('src')}"
        for page in pages.values()
        for picture in page.article.find_all("img")
        # Without words Sphinx writes the file's name there.
        if not str(picture.get("alt") or "").strip() or "_images" in str(picture["alt"])
    ]
    drawn = [
        page.name
        for page in pages.values()
        for picture in page.article.find_all("svg")
        if not (picture.get("aria-label") or picture.find("title") or picture.get("aria-hidden"))
    ]
    assert wordless + drawn == []


def test_every_picture_is_numbered_and_captioned(pages: Pages) -> None:
    bare = [
        f"{page.name}: {picture.get('src')}"
        for page in pages.values()
        for picture in page.article.find_all("img")
        if (figure := picture.find_parent("figure")) is None
        or figure.select_one("figcaption .caption-number") is None
    ]
    assert bare == []


def test_every_drawn_figure_offers_its_numbers(pages: Pages) -> None:
    silent = []
    for page in pages.values():
        for figure in page.article.find_all("figure"):
            # A path diagram has no numbers; it says so by its class.
            if figure.find("img") is None or "diagram" in (figure.get("class") or []):
                continue
            if figure.select_one("a.figure-data") is None:
                silent.append(f"{page.name}#{figure.get('id')}")
    assert silent == []


def test_the_data_of_a_figure_are_a_table(pages: Pages) -> None:
    links = [(page, link) for page in pages.values() for link in page.soup.select("a.figure-data")]
    assert links
    for page, link in links:
        path = (page.path.parent / unquote(str(link["href"]))).resolve()
        with path.open(encoding="utf-8", newline="") as file:
            header, *rows = list(csv.reader(file))
        assert rows, path
        assert {len(row) for row in rows} == {len(header)}, path


def test_headings_are_in_order(pages: Pages) -> None:
    disordered = []
    for page in pages.values():
        levels = [int(tag.name[1]) for tag in page.article.find_all(re.compile(r"^h[1-6]$"))]
        jumps = [b for a, b in pairwise(levels) if b > a + 1]
        if levels[:1] != [1] or levels.count(1) != 1 or jumps:
            disordered.append(f"{page.name}: {levels}")
    assert disordered == []


def test_chinese_words_say_their_language(pages: Pages) -> None:
    unmarked = []
    for page in pages.values():
        for text, element in page.prose():
            languages = [str(tag["lang"]) for tag in [element, *element.parents] if tag.get("lang")]
            if CHINESE.search(text) and not (languages and languages[0].startswith("zh")):
                unmarked.append(f"{page.name}: {text.strip()[:40]}")
    assert unmarked == []


def test_the_bundled_font_has_every_chinese_character(pages: Pages) -> None:
    (path,) = (ROOT / "book" / "_static" / "fonts").glob("noto-sans-cjk-tc-*.woff")
    drawn = TTFont(path).getBestCmap()
    used = {
        character for page in pages.values() for character in CHINESE.findall(page.soup.get_text())
    }
    assert used
    assert sorted(character for character in used if ord(character) not in drawn) == []


def test_every_page_says_how_to_cite_it_and_what_made_it(pages: Pages) -> None:
    for page in pages.values():
        foot = page.soup.select_one(".provenance")
        assert foot is not None, page.name
        text = " ".join(foot.get_text().split())
        assert f"version {pycore.__version__}" in text
        assert re.search(r"in (full|short) mode, key [0-9a-f]{16};", text), text
        assert foot.select_one("a[download]") is not None, page.name


def test_a_reader_can_go_on_to_the_next_page(pages: Pages) -> None:
    names = list(pages)
    for name, following in pairwise(names):
        link = pages[name].soup.select_one("a.right-next")
        assert link is not None, name
        target = (pages[name].path.parent / str(link["href"])).resolve()
        assert target == pages[following].path


def test_no_page_shows_an_error_or_a_warning_of_its_code(pages: Pages) -> None:
    shown = [
        f"{page.name}: {output.get_text().strip()[:80]}"
        for page in pages.values()
        for output in page.article.select(".output.stderr, .output.traceback, .system-message")
    ]
    assert shown == []


def test_no_markup_is_left_over_in_the_text(pages: Pages) -> None:
    # A role or a glued number that was not understood stays as it was written.
    left = [
        f"{page.name}: {text.strip()[:60]}"
        for page in pages.values()
        for text, _ in page.prose()
        if re.search(r"\{[a-z:-]+\}`|\w_\{|\\[a-z]+\{|\]\(|\bTODO\b|\bnan\b|[A-Z]{3,}_[A-Z]", text)
    ]
    assert left == []


def test_every_name_of_the_public_contract_is_in_the_reference(pages: Pages) -> None:
    anchors = pages["book/appendix/api"].anchors
    absent = [
        name
        for name in pycore.__all__
        if not name.startswith("_") and not {f"pycore.{name}", f"module-pycore.{name}"} & anchors
    ]
    assert absent == []


def test_the_colophon_is_of_this_version(pages: Pages) -> None:
    text = pages["book/appendix/colophon"].article.get_text()
    assert pycore.__version__ in text
    for name, value in pycore.build_config().items():
        if isinstance(value, str):
            assert value in text, name
