"""Service failures of live-streaming commerce, in the two taxonomies of Document 0.

Rates and severities are assumptions: the study behind Document 0 prints none that could be read.
A rate is the chance per weekly session for a consumer of average exposure; a severity is the loss
of perceived performance, relative to the worst sub-kind.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["TAXONOMIES", "FailureKind", "SubKind", "Taxonomy"]

Taxonomy = Literal["three", "five"]


@dataclass(frozen=True, slots=True)
class SubKind:
    """One way of failing."""

    name: str
    rate: float
    severity: float
    doc: str


@dataclass(frozen=True, slots=True)
class FailureKind:
    """A kind of failure: its ways of failing, the lever against it, the claims it stands for."""

    name: str
    perceived: str
    symbol: str
    lever: str
    disappointment: float
    doc: str
    claims: tuple[str, ...]
    sub_kinds: tuple[SubKind, ...]


_THREE = (
    FailureKind(
        "technical_failure", "perceived_technical", "T", "technical_infrastructure", 0.20,
        "technical failure of the stream", ("C-D0-014", "C-D0-015", "C-D0-023"),
        (
            SubKind("interruption", 0.06, 1.0, "the stream breaks off"),
            SubKind("av_delay", 0.08, 0.5, "sound or picture lags"),
            SubKind("poor_picture", 0.06, 0.4, "the picture is poor"),
        ),
    ),
    FailureKind(
        "product_misrepresentation", "perceived_misrepresentation", "M",
        "product_representation", 0.35,
        "product differs from what the stream showed", ("C-D0-016", "C-D0-017", "C-D0-024"),
        (
            SubKind("description_mismatch", 0.06, 1.0, "the product is not as described"),
            SubKind("picture_mismatch", 0.05, 0.8, "the product is not as pictured"),
        ),
    ),
    FailureKind(
        "poor_customer_service", "perceived_service", "C", "customer_support", 0.25,
        "poor customer service", ("C-D0-019", "C-D0-020", "C-D0-025"),
        (
            SubKind("late_answer", 0.10, 0.6, "questions are answered late"),
            SubKind("inadequate_support", 0.05, 1.0, "support does not solve the problem"),
        ),
    ),
)  # fmt: skip

_FIVE = (
    FailureKind(
        "information_failure", "perceived_information", "I", "product_representation", 0.25,
        "product statements are wrong, incomplete or hard to follow", ("C-D0-016", "C-D0-017"),
        (
            SubKind("wrong_statement", 0.05, 1.0, "a statement about the product is wrong"),
            SubKind("incomplete_statement", 0.08, 0.5, "what matters is left out"),
        ),
    ),
    FailureKind(
        "functional_failure", "perceived_functional", "F", "technical_infrastructure", 0.20,
        "coupon, order or search functions do not do what they should", ("C-D0-014",),
        (
            SubKind("missing_function", 0.04, 0.7, "a function is missing"),
            SubKind("faulty_function", 0.04, 1.0, "a function fails"),
        ),
    ),
    FailureKind(
        "system_failure", "perceived_system", "Y", "technical_infrastructure", 0.15,
        "freezes, delays and crashes of the stream", ("C-D0-014", "C-D0-023"),
        (
            SubKind("freeze", 0.08, 0.6, "the stream freezes or lags"),
            SubKind("crash", 0.03, 1.0, "the stream or the payment breaks off"),
        ),
    ),
    FailureKind(
        "interaction_failure", "perceived_interaction", "N", "customer_support", 0.25,
        "no answer, an answer beside the point, or a mechanical one", ("C-D0-019", "C-D0-025"),
        (
            SubKind("no_answer", 0.08, 0.8, "a question is not answered"),
            SubKind("mechanical_answer", 0.07, 1.0, "the answer is mechanical or off topic"),
        ),
    ),
    FailureKind(
        "aesthetic_failure", "perceived_aesthetic", "A", "technical_infrastructure", 0.10,
        "stiff face or motion, lip-sync errors, unpleasant voice or scene", ("C-D0-014",),
        (
            SubKind("stiff_motion", 0.07, 0.6, "face or motion of the streamer is stiff"),
            SubKind("unpleasant_voice", 0.05, 1.0, "voice and lips do not match or displease"),
        ),
    ),
)  # fmt: skip

TAXONOMIES: dict[Taxonomy, tuple[FailureKind, ...]] = {"three": _THREE, "five": _FIVE}
