"""One browser session visits every page once; the tests read what was written down."""

from __future__ import annotations

import pytest

from tests.book.pages import BUILT, missing
from tests.browser.visit import Visit, addresses, chromium, programs, visit

Visits = dict[str, Visit]


@pytest.fixture(scope="session")
def visits() -> Visits:
    """What happened on every page."""
    found = programs()
    if found is None:
        pytest.skip("no Chromium with chromedriver (Debian: chromium and chromium-driver)")
    why = missing()
    if why is not None:
        pytest.fail(why)
    with chromium(*found) as session:
        return {name: visit(session, name, address) for name, address in addresses(BUILT).items()}
