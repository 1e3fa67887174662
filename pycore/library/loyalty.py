"""Document 3: after-sales service, satisfaction, trust and value, and loyalty in three layers.

Service is what happened in a consumer's own cases (:mod:`pycore.library.after_sales`); perceptions
of it move only when there is a case.  Satisfaction, trust and value follow them, and loyalty follows
these, slowly: first what one knows, then what one feels, then what one does.
"""

from __future__ import annotations

from itertools import product
from typing import Literal

import sympy as sp

from pycore.errors import require_name
from pycore.library import after_sales
from pycore.library.measures import priced_levers
from pycore.library.z_scale import disposition, path, standardised
from pycore.model.distributions import HalfNormal, LogNormal, Normal
from pycore.model.model import Model

__all__ = ["loyalty"]

Framework = Literal["attributes", "elements", "factors"]

_DIMENSIONS = {
    "speed": ("R", "response speed", ("C-D3-088", "C-D3-090", "C-D3-126")),
    "professionalism": ("P", "professionalism of staff", ("C-D3-088", "C-D3-092", "C-D3-127")),
    "solution": ("Z", "quality of solutions", ("C-D3-088", "C-D3-094")),
    "convenience": ("V", "convenience of the process", ("C-D3-079", "C-D3-088", "C-D3-096")),
}
# What the document's two wider lists add to service, as consumers perceive it.
_CONSTRUCTS = {
    "user_experience": ("X", "experience of interface and functions", ("C-D3-070", "C-D3-071")),
    "brand_image": ("M", "image of the brand", ("C-D3-072",)),
    "price_fairness": ("F", "reasonable prices", ("C-D3-073",)),
    "customer_care": ("C", "care for customers", ("C-D3-074",)),
    "customisation": ("U", "service made to measure", ("C-D3-080",)),
    "openness": ("O", "reputation and transparency", ("C-D3-081", "C-D3-082")),
}
# Effect → cause → path of a framework; service dimensions stand in all of them.
_WIDER: dict[str, dict[str, dict[str, float]]] = {
    "attributes": {},
    "elements": {
        "perceived_value": {"price_fairness": 0.3, "user_experience": 0.1},
        "satisfaction": {"user_experience": 0.2},
        "trust": {"brand_image": 0.2, "customer_care": 0.2},
    },
    "factors": {
        "satisfaction": {"customisation": 0.2},
        "trust": {"openness": 0.3},
        "connection": {"customisation": 0.2},
    },
}
_SERVICE: dict[str, dict[str, float]] = {
    "perceived_value": {"solution": 0.3, "convenience": 0.2},
    "satisfaction": {"speed": 0.2, "professionalism": 0.1, "solution": 0.25, "convenience": 0.15},
    "trust": {"professionalism": 0.2, "solution": 0.2},
    "connection": {"speed": 0.1, "professionalism": 0.25},
}
# What is left to persons, so that states have deviation 1 in the base scenario; a test holds it.
_PERSONAL = {
    "attributes": {
        "perceived_value": 0.93,
        "satisfaction": 0.83,
        "trust": 0.875,
        "connection": 0.89,
    },
    "elements": {
        "perceived_value": 0.87,
        "satisfaction": 0.825,
        "trust": 0.84,
        "connection": 0.915,
    },
    "factors": {"perceived_value": 0.93, "satisfaction": 0.83, "trust": 0.83, "connection": 0.88},
}
_LETTERS = {"perceived_value": "E", "satisfaction": "S", "trust": "T", "connection": "N",
            "cognitive_loyalty": "L^{c}", "affective_loyalty": "L^{a}",
            "behavioural_loyalty": "L^{b}"}  # fmt: skip
_MEASURED = (*_DIMENSIONS, "perceived_value", "satisfaction", "trust", "connection",
             "cognitive_loyalty", "affective_loyalty", "behavioural_loyalty")  # fmt: skip
_PATH_CLAIMS = {
    ("satisfaction", "speed"): ("C-D3-091", "C-D3-116", "C-D3-122"),
    ("satisfaction", "professionalism"): ("C-D3-045", "C-D3-127", "C-D3-147"),
    ("satisfaction", "solution"): ("C-D3-023", "C-D3-095", "C-D3-122"),
    ("satisfaction", "convenience"): ("C-D3-043", "C-D3-097"),
    ("trust", "professionalism"): ("C-D3-093", "C-D3-128"),
    ("trust", "solution"): ("C-D3-095", "C-D3-121"),
    ("satisfaction", "perceived_value"): ("C-D3-064",),
    ("perceived_value", "price_fairness"): ("C-D3-073",),
    ("satisfaction", "user_experience"): ("C-D3-070",),
    ("trust", "brand_image"): ("C-D3-072",),
    ("trust", "customer_care"): ("C-D3-074",),
    ("satisfaction", "customisation"): ("C-D3-080",),
    ("trust", "openness"): ("C-D3-081",),
    ("cognitive_loyalty", "trust"): ("C-D3-056", "C-D3-066"),
    ("cognitive_loyalty", "perceived_value"): ("C-D3-066",),
    ("affective_loyalty", "satisfaction"): ("C-D3-059", "C-D3-066"),
    ("affective_loyalty", "connection"): ("C-D3-058", "C-D3-085"),
}
# Means and deviations in the base scenario, simulated again by a test: strain of waiting and
# solution within cases, the rate of cases, cases that end badly, and what is left to persons.
_STRAIN = (1.967, 0.906)
_SOLVED = (0.744, 0.436)
_CASE_RATE = 0.0396
_GRIEVANCE = (0.0101, 0.0286)
_OUTLOOK = {"speed": 0.92, "professionalism": 0.92, "solution": 0.92, "convenience": 1.0}


def loyalty(framework: Framework = "attributes") -> Model:
    """Build the model of Document 3.

    Parameters
    ----------
    framework : {"attributes", "elements", "factors"}
        The four service attributes of its hypotheses; or, besides them, the five elements of its
        loyalty model, or its five main factors.  All three measure the same items, so that they can
        be compared on one data set.

    Returns
    -------
    Model
        Period: a week.  States are on a z-scale: mean about 0 and standard deviation about 1 in the
        base scenario, in which every measure stands at 0.

    Raises
    ------
    InputError
        If the framework is unknown.

    References
    ----------
    Structure: Document 3, which reports directions and no number.  All values are assumptions.

    Examples
    --------
    >>> loyalty("factors")
    <Model loyalty_factors: 12 states, 8 events, 79 parameters, period week>
    """
    require_name("framework", framework, _WIDER)
    name = "loyalty" if framework == "attributes" else f"loyalty_{framework}"
    m = Model(
        name, "week", title="After-sales service and loyalty",
        doc="Cases, service as perceived, satisfaction, trust and value, loyalty (Document 3).",
    )  # fmt: skip
    _people(m)
    priced_levers(m, after_sales.MEASURES)
    _declared(m)
    after_sales.cases(m, _purchase(m))
    _perceptions(m)
    _anger(m)
    _evaluation(m, framework)
    _layers(m)
    _outcomes(m)
    _survey(m)
    _records(m)
    return m


def _people(m: Model) -> None:
    for name, symbol, doc in (
        ("young", "a_1", "younger than 35"), ("woman", "a_2", "a woman"),
        ("heavy", "a_3", "buys often"),
    ):  # fmt: skip
        m.trait(name, 0.0, symbol=symbol, unit="0/1", doc=doc, claims=("C-D3-019",))
    for young, woman, heavy in product((0.0, 1.0), repeat=3):
        label = "_".join((
            "young" if young else "older", "women" if woman else "men",
            "heavy" if heavy else "light",
        ))  # fmt: skip
        weight = (0.45 if young else 0.55) * 0.5 * (0.3 if heavy else 0.7)
        m.segment(label, weight, young=young, woman=woman, heavy=heavy)
    wider = [
        m.trait(name, Normal(0, 1), symbol=symbol, unit="z", doc=doc, claims=claims)
        for name, (symbol, doc, claims) in _CONSTRUCTS.items()
    ]
    m.correlated(*wider)


def _declared(m: Model) -> None:
    """States that purchases read before they are computed."""
    for name, doc, claims in (
        ("satisfaction", "satisfaction", ("C-D3-053", "C-D3-064", "C-D3-069")),
        ("behavioural_loyalty", "disposition to buy again and recommend", ("C-D3-060",)),
    ):
        m.state(name, symbol=_LETTERS[name], unit="z", doc=doc, claims=claims)


def _purchase(m: Model) -> sp.Symbol:
    base = m.parameter("purchase_base", -1.0, Normal(-1.0, 0.3), unit="log-odds per week",
                       symbol="h_b", doc="base chance of a purchase")  # fmt: skip
    habit = m.parameter(
        "purchase_by_habit",
        0.8,
        Normal(0.8, 0.3),
        unit="log-odds",
        symbol=r"\beta_{b3}",
        doc="chance of a purchase of those who buy often",
    )
    again = m.parameter("purchase_by_loyalty", 0.4, Normal(0, 0.5), unit="log-odds per z",
                        symbol=r"\beta_{bL}", doc="chance of a purchase per unit of loyalty",
                        claims=("C-D3-026", "C-D3-027", "C-D3-131", "C-D3-180"))  # fmt: skip
    return m.event("purchase", symbol="b", doc="buys", claims=("C-D3-112",),
                   logit=base + habit * m["heavy"] + again * m["behavioural_loyalty"])  # fmt: skip


def _perceptions(m: Model) -> None:
    """A perception is a personal outlook and the memory of one's own cases."""
    weight = m.parameter(
        "weight_of_cases",
        0.45,
        HalfNormal(0.5),
        unit="z per z",
        symbol=r"\kappa",
        doc="perception per unit of what cases are like, at the usual rate of cases",
        claims=("C-D3-178",),
    )
    tact = m.draw("tact", Normal(0, 1), symbol=r"\varepsilon^{P}", unit="z",
                  doc="attitude of the person who answers")  # fmt: skip
    calm = m.parameter("anxiety_relief", 0.5, Normal(0.5, 0.2), unit="1", symbol=r"\eta_Y",
                       doc="share of the strain of waiting that full transparency takes away",
                       claims=("C-D3-046", "C-D3-126"))  # fmt: skip
    strain = sp.log(1 + m["wait"]) * (1 - calm * m["transparency"])
    scores = {
        "speed": -standardised(strain, _STRAIN),
        "professionalism": m["skill"] + tact - m["passed_on"],
        "solution": standardised(m["solved"], _SOLVED),
        "convenience": 2 * (6 - m["process_steps"]) / 3,
    }
    for name, (symbol, doc, claims) in _DIMENSIONS.items():
        sd = m.parameter(f"sd_{name}", _OUTLOOK[name], HalfNormal(1), unit="z",
                         symbol=rf"\psi_{{{symbol}}}",
                         doc=f"spread of what persons make of {doc}")  # fmt: skip
        outlook = sd * m.trait(
            f"disposition_{name}",
            Normal(0, 1),
            unit="z",
            symbol=f"d^{{{symbol}}}",
            doc=f"personal disposition: {doc}",
        )
        score = m.define(f"score_{name}", scores[name], symbol=rf"\xi^{{{symbol}}}", unit="z",
                         doc=f"{doc}, in this case")  # fmt: skip
        m.state(
            name, carry=0.95, symbol=symbol, unit="z", doc=f"perceived: {doc}", start=outlook,
            target=outlook + weight / _CASE_RATE * m["case"] * score, claims=claims,
        )  # fmt: skip


def _anger(m: Model) -> None:
    m.state("grievance", carry=0.85, symbol="G", unit="z", claims=("C-D3-003", "C-D3-054"),
            doc="remembered cases that ended badly",
            target=standardised(m["grievance_opened"], _GRIEVANCE))  # fmt: skip


def _paths(m: Model, effect: str, causes: dict[str, float],
           more: dict[str, sp.Expr] | None = None) -> sp.Expr:  # fmt: skip
    """Sum of a path coefficient times its cause; ``more`` multiplies some of the causes."""
    terms = []
    for cause, value in causes.items():
        symbols = (_LETTERS.get(effect, effect), m.element(cause).symbol)
        coefficient = path(
            m,
            f"{effect}_by_{cause}",
            value,
            rf"\beta_{{{symbols[0]}{symbols[1]}}}",
            f"{effect.replace('_', ' ')} per unit of {m.element(cause).doc}",
            _PATH_CLAIMS.get((effect, cause), ()),
        )
        terms.append(coefficient * (more or {}).get(cause, sp.S.One) * m[cause])
    return sp.Add(*terms)


def _evaluation(m: Model, framework: Framework) -> None:
    """Value, satisfaction, trust and connection; groups differ in what service is worth to them."""
    differ = {
        "speed": ("young", 0.4),
        "convenience": ("heavy", 0.4),
        "solution": ("woman", 0.0),
    }
    moderated = {}
    for cause, (group, value) in differ.items():
        effect = m.parameter(
            f"{cause}_for_{group}",
            value,
            Normal(0, 0.4),
            unit="1",
            claims=("C-D3-019",),
            symbol=rf"\mu_{{{m.element(cause).symbol}}}",
            doc=f"how much more {cause} counts for satisfaction if the consumer is {group}",
        )
        moderated[cause] = 1 + effect * (m[group] - (0.45, 0.3, 0.5)[list(differ).index(cause)])
    wider = _WIDER[framework]
    carries = {"perceived_value": 0.8, "satisfaction": 0.8, "trust": 0.95, "connection": 0.95}
    docs = {
        "perceived_value": ("value: what is got for what is paid", ("C-D3-063", "C-D3-068")),
        "trust": ("trust in reliability and kept promises", ("C-D3-065", "C-D3-077")),
        "connection": ("emotional connection", ("C-D3-083", "C-D3-085")),
    }
    for effect in ("perceived_value", "satisfaction", "trust", "connection"):
        causes = dict(_SERVICE[effect])
        if effect != "perceived_value":
            causes["grievance"] = {"satisfaction": -0.15, "trust": -0.25, "connection": -0.1}[
                effect
            ]
        if effect == "satisfaction":
            causes["perceived_value"] = 0.25
        if effect in ("trust", "connection"):
            causes["satisfaction"] = 0.3
        causes |= wider.get(effect, {})
        target = _paths(m, effect, causes, moderated if effect == "satisfaction" else None)
        target += disposition(m, effect, _LETTERS[effect], _PERSONAL[framework][effect])
        if effect == "satisfaction":
            m.update(m[effect], carry=carries[effect], target=target)
        else:
            doc, claims = docs[effect]
            m.state(effect, carry=carries[effect], target=target, symbol=_LETTERS[effect], unit="z",
                    doc=doc, claims=claims)  # fmt: skip


def _layers(m: Model) -> None:
    """Loyalty in three layers, each slower than what it rests on."""
    m.state(
        "cognitive_loyalty", carry=0.9, symbol=_LETTERS["cognitive_loyalty"], unit="z",
        doc="loyalty as a judgement: better than the others", claims=("C-D3-052", "C-D3-055"),
        target=_paths(m, "cognitive_loyalty", {"perceived_value": 0.4, "trust": 0.3})
        + disposition(m, "cognitive_loyalty", "L^{c}", 0.84),
    )  # fmt: skip
    m.state(
        "affective_loyalty", carry=0.95, symbol=_LETTERS["affective_loyalty"], unit="z",
        doc="loyalty as a feeling: belonging", claims=("C-D3-052", "C-D3-057"),
        target=_paths(m, "affective_loyalty", {"cognitive_loyalty": 0.3, "satisfaction": 0.25,
                                               "connection": 0.3})
        + disposition(m, "affective_loyalty", "L^{a}", 0.8),
    )  # fmt: skip
    m.update(
        m["behavioural_loyalty"], carry=0.97,
        target=_paths(m, "behavioural_loyalty", {"affective_loyalty": 0.5, "cognitive_loyalty": 0.2})
        + disposition(m, "behavioural_loyalty", "L^{b}", 0.8),
    )  # fmt: skip


def _outcomes(m: Model) -> None:
    m.event(
        "recommends", symbol="y", doc="recommends the platform to somebody", claims=("C-D3-026",),
        logit=m.parameter("recommend_base", -3.0, Normal(-3.0, 0.3), unit="log-odds per week",
                          symbol="h_y", doc="base chance of a recommendation")
        + m.parameter("recommend_by_loyalty", 0.6, Normal(0, 0.5), unit="log-odds per z",
                      symbol=r"\beta_{yL}", doc="chance of a recommendation per unit of loyalty",
                      claims=("C-D3-027", "C-D3-131")) * m["behavioural_loyalty"],
    )  # fmt: skip
    tempted = m.event(
        "tempted", symbol="o", doc="meets a rival's offer", claims=("C-D3-050", "C-D3-084"),
        probability=m.parameter("rival_offers", 0.2, LogNormal(0.2, 0.3), unit="1 per week",
                                symbol="p_o", doc="chance to meet a rival's offer in a week"),
    )  # fmt: skip
    pull = m.parameter("switch_by_offer", 1.5, Normal(1.5, 0.4), unit="log-odds", symbol=r"\beta_o",
                       doc="pull of a rival's offer")  # fmt: skip
    bond = m.parameter("bond_against_offers", 0.4, Normal(0, 0.4), unit="log-odds per z",
                       symbol=r"\mu_N", doc="how far connection weakens the pull of an offer",
                       claims=("C-D3-084",))  # fmt: skip
    leaves = m.event(
        "leaves", symbol="l", doc="leaves for a rival", claims=("C-D3-003", "C-D3-042", "C-D3-054"),
        logit=m.parameter("leave_base", -6.0, Normal(-6.0, 0.3), unit="log-odds per week",
                          symbol="h_l", doc="base chance to leave")
        + m.parameter("leave_by_loyalty", -0.8, Normal(0, 0.5), unit="log-odds per z",
                      symbol=r"\beta_{lL}", doc="chance to leave per unit of loyalty")
        * m["behavioural_loyalty"]
        + m.parameter("leave_by_grievance", 0.3, Normal(0, 0.3), unit="log-odds per z",
                      symbol=r"\beta_{lG}", doc="chance to leave per unit of grievance",
                      claims=("C-D3-042", "C-D3-054")) * m["grievance"]
        + (pull - bond * m["connection"]) * tempted,
    )  # fmt: skip
    m.stage("customer", {"with us": {"with a rival": leaves}}, absorbing="with a rival", symbol="c",
            doc="where the consumer stands", claims=("C-D3-051",))  # fmt: skip


def _survey(m: Model) -> None:
    for name in (*_CONSTRUCTS, *_MEASURED):
        m.survey(m[name], 3, points=7, loading=(1.0, 0.9, 1.1), error=(0.5, 0.5, 0.6))


def _records(m: Model) -> None:
    m.record(*(m[name] for name in _MEASURED), m["grievance"])
    m.record(m["purchase"], m["case"], m["solved"], m["by_bot"], m["grievance_opened"],
             m["recommends"], m["leaves"])  # fmt: skip
    m.record(m["wait"], m["handling_hours"], resolution=2.0**-10)
