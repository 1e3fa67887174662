"""The laboratories in git keep what the notebook tests need to see a wrong number."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pycore.notebook.normalise import normalise, problems, read

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_cell_keeps_text_or_produces_none_or_is_tagged_sampled(path: Path) -> None:
    assert problems(read(path)) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_laboratory_in_git_is_normalised(path: Path) -> None:
    kept, again = read(path), read(path)
    normalise(again)
    assert again == kept


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_laboratory_opens_with_a_title(path: Path) -> None:
    first = read(path).cells[0]
    assert first.cell_type == "markdown"
    assert re.match(r"(\([\w-]+\)=\n)?# \S", first.source)
