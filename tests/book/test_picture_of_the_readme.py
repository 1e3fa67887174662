"""The picture on the first screen of the README is drawn from today's model."""

from __future__ import annotations

import pycore as pc
from tests.book.pages import ROOT

PICTURE = ROOT / "book" / "_static" / "model.svg"

# The spine of Document 0: failures, strain, ways out.
SPINE = (
    "perceived_technical",
    "perceived_misrepresentation",
    "perceived_service",
    "disappointment",
    "emotional_exhaustion",
    "discontinuance_intention",
    "stop",
    "switch",
    "customer",
)


def test_the_picture_of_the_readme_is_the_model_of_today() -> None:
    drawn = pc.library.disengagement().diagram(only=SPINE)._repr_svg_()
    assert PICTURE.read_text(encoding="utf-8").rstrip() == drawn.rstrip(), (
        "draw it again: .venv/bin/python -m tests.book.test_picture_of_the_readme"
    )


if __name__ == "__main__":
    pc.library.disengagement().diagram(only=SPINE).save(PICTURE)
