"""Ledger and model speak of the same things."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import pycore as pc
from pycore import claims
from pycore.model.model import Model

MODELS = {"D0": pc.library.disengagement, "D1": pc.library.happiness, "D3": pc.library.loyalty}


@pytest.mark.parametrize(("document", "build"), MODELS.items())
def test_every_symbol_of_a_document_is_a_name_in_its_model(
    document: str, build: Callable[[], Model]
) -> None:
    names = set(build().elements)
    unknown = {
        f"{claim.id}: {name}"
        for claim in claims.load(document)
        for name in claim.symbols
        if name not in names
    }
    assert unknown == set()


def test_the_model_names_only_claims_of_the_ledger() -> None:
    known = {claim.id for claim in claims.load()}
    for taxonomy in ("three", "five"):
        for element in pc.library.disengagement(taxonomy).elements.values():
            assert set(element.claims) <= known, element.name
    for framework in ("attributes", "elements", "factors"):
        for element in pc.library.loyalty(framework).elements.values():
            assert set(element.claims) <= known, element.name
    for element in pc.library.happiness().elements.values():
        assert set(element.claims) <= known, element.name
