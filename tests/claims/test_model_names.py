"""Ledger and model speak of the same things."""

from __future__ import annotations

import pycore as pc
from pycore import claims


def test_every_symbol_of_document_0_is_a_name_in_its_model() -> None:
    names = set(pc.library.disengagement().elements)
    unknown = {
        f"{claim.id}: {name}"
        for claim in claims.load("D0")
        for name in claim.symbols
        if name not in names
    }
    assert unknown == set()


def test_the_model_names_only_claims_of_the_ledger() -> None:
    known = {claim.id for claim in claims.load()}
    for taxonomy in ("three", "five"):
        for element in pc.library.disengagement(taxonomy).elements.values():
            assert set(element.claims) <= known, element.name
