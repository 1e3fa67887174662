"""Every model of the library that has a survey, as it is calibrated.

*Scores.*  Each state is asked for once, exactly, as its average over a long time, so that the model
people live by and the model that is estimated are one, and ranks of the truth are uniform if machine,
long-run form, likelihood and sampler are right.  What a survey cannot tell, or what the long run has
only in approximation, is held at a number in both, with the reason beside it.

*Questionnaire.*  The model's own items, answer points and half a year of memory, one truth: the
model's declared values.  Here the approximations are in: categories as numbers, chance within a life.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, get_args

import xarray as xr

import pycore as pc
from pycore.model.serialize import from_json

Kind = Literal["scores", "questionnaire"]
KINDS: tuple[Kind, ...] = get_args(Kind)
LONG = 4000  # periods that a score averages, after half as many have passed; in 400, chance is
# larger than the smallest dispositions that the priors draw, and is taken for them


@dataclass(frozen=True)
class Design:
    """How a model is asked.

    Attributes
    ----------
    model : callable
        Builds it.
    held : mapping
        Beginning of parameters' names → number, or None for the declared value.
    why : str
        The reason, for the page.
    segments : list
        Who is asked, if not the model's own segments.  A long-run form is made for each,
        and two that differ in every trait tell all moderations.
    questionnaire : int
        Respondents of the questionnaire; 0 where it is not run, as where items are scores anyway.
    method : {"nuts", "importance"}
        Where draws come from, of :func:`pycore.calibration_check`.  Chains cost three CPU seconds
        a fit, so one model stands for them; weighted draws are as exact.
    """

    model: Callable[[], pc.Model]
    held: Mapping[str, float | None] = field(default_factory=dict)
    why: str = ""
    segments: list[dict[str, Any]] | None = None
    questionnaire: int = 0
    method: Literal["nuts", "importance"] = "importance"


RESPONDENTS = 250  # of scores


_FAILURES: dict[str, Any] = {
    "held": dict.fromkeys(("severity_", "loss_per", "asymmetry", "support_", "context_shift")),
    "why": "what stands in failures and expectation alone: chance, bent lines, levers at rest",
}
_LOYALTY: dict[str, Any] = {
    "held": dict.fromkeys(("failure_rate", "foreseen", "steps", "anxiety_relief", "weight_of"))
    | dict.fromkeys((f"{s}_by_grievance" for s in ("satisfaction", "trust", "connection")), 0.0),
    "why": "what stands in single cases and in grievance, which no item asks for",
    "segments": [
        {"segment": "one", "weight": 1.0, "young": 1.0, "woman": 0.0, "heavy": 1.0},
        {"segment": "other", "weight": 1.0, "young": 0.0, "woman": 1.0, "heavy": 0.0},
    ],
}

DESIGNS: dict[str, Design] = {
    "happiness": Design(
        pc.library.happiness,
        {"deal_seekers_keener": None, "felt_valued_by_gift": None, "satisfaction_by_trouble": 0.0,
         "trust_by_scepticism": 0.0, "sd_felt_valued": None},
        "offers and gifts at rest, trouble that no item asks for; a product (scepticism × trust) "
        "and a square (mismatch of taste), whose remainders are not normal",
        questionnaire=400,
        method="nuts",
    ),
    "loyalty": Design(pc.library.loyalty, **_LOYALTY, questionnaire=400),
    "loyalty_elements": Design(lambda: pc.library.loyalty("elements"), **_LOYALTY),
    "loyalty_factors": Design(lambda: pc.library.loyalty("factors"), **_LOYALTY),
    "disengagement": Design(pc.library.disengagement, **_FAILURES, questionnaire=400),
    "disengagement_five": Design(lambda: pc.library.disengagement("five"), **_FAILURES),
    "live_streaming_drivers": Design(pc.library.live_streaming_drivers),
    "expectation_confirmation": Design(pc.library.expectation_confirmation),
}  # fmt: skip


@cache
def built(name: str) -> pc.Model:
    """One object for all that is asked of it: its long-run form is derived once."""
    return DESIGNS[name].model()


def scores(model: pc.Model) -> pc.Model:
    """The model with one exact score of a long time per state in place of its items."""
    data = json.loads(model.to_json())
    first = {i["measures"]: i for i in reversed(data["items"])}
    data["items"] = [
        {**first[name], "points": 0, "error": 0.0, "loading": 1.0, "intercept": 0.0,
         "thresholds": []}
        for name in dict.fromkeys(i["measures"] for i in data["items"])
    ]  # fmt: skip
    data["recall"] = LONG
    return from_json(json.dumps(data))


@cache
def asked(name: str, kind: Kind) -> pc.Model:
    """The model with the items of one of the two."""
    return scores(built(name)) if kind == "scores" else built(name)


def held(name: str, kind: Kind) -> dict[str, float]:
    """Numbers at which a design holds parameters; by a questionnaire all at the model's own."""
    values = built(name).parameters["value"]
    found = {}
    for start, number in DESIGNS[name].held.items():
        for n in values.index:
            if n.startswith(start):
                own = number is None or kind == "questionnaire"
                found[n] = float(values[n]) if own else float(number or 0.0)
    return found


def settings(name: str, kind: Kind) -> dict[str, Any]:
    """Further arguments of the calibration."""
    design = DESIGNS[name]
    if kind == "scores":
        return {
            "respondents": RESPONDENTS, "segments": design.segments, "burn_in": LONG // 2,
            "method": design.method, "draws": 150, "tune": 200, "chains": 2,
        }  # fmt: skip
    return {  # three years, as in the laboratories: loyalty is slow
        "respondents": design.questionnaire, "segments": design.segments, "truth": "declared",
        "burn_in": 156, "method": "importance", "draws": 200, "tune": 300, "chains": 2,
    }  # fmt: skip


def checked(name: str, kind: Kind, replicates: int, seed: int, **options: Any) -> xr.Dataset:
    """Ranks of truths from the priors by scores, or of the declared ones by the questionnaire."""
    return pc.calibration_check(
        asked(name, kind), replicates=replicates, seed=seed, priors=held(name, kind),
        progress=options.pop("progress", None), **(settings(name, kind) | options),
    )  # fmt: skip
