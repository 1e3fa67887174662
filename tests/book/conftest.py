"""The built book, for tests of its pages; `make book` builds it."""

from __future__ import annotations

import pytest

from tests.book.pages import BuiltPage, contents, missing


@pytest.fixture(scope="session")
def pages() -> dict[str, BuiltPage]:
    """Every page of the table of contents."""
    why = missing()
    if why is not None:
        pytest.fail(why)
    return {name: BuiltPage(name) for name in contents()}
