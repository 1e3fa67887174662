"""Models as JSON and back.

Reading goes through the same builder calls as writing a model by hand, so everything is checked
again and a file can hold nothing that the language does not allow.
"""

from __future__ import annotations

import json
from typing import Any

from pycore.errors import InputError, refuse
from pycore.model import expressions
from pycore.model.distributions import distribution_from_json
from pycore.model.elements import (
    Calendar,
    Coefficient,
    Define,
    Draw,
    Element,
    Environment,
    Event,
    Lever,
    Parameter,
    Stage,
    State,
    Trait,
)
from pycore.model.model import Model

__all__ = ["CARRIED", "FORMAT_VERSION", "from_json", "to_json"]

FORMAT_VERSION = 1
CARRIED = ("state", "environment")  # declared first, their equations where the order says
_COMMON = ("symbol", "unit", "doc", "claims")


def to_json(model: Model) -> str:
    """Canonical JSON of a model.

    Examples
    --------
    >>> m = Model("coin")
    >>> m.record(m.event("heads", probability=m.parameter("p", 0.5)))
    >>> from_json(to_json(m)).to_json() == to_json(m)
    True
    """
    data = {
        "format": FORMAT_VERSION,
        "name": model.name,
        "period": model.period,
        "title": model.title,
        "doc": model.doc,
        "recall": model.recall,
        "words": [_word(e) for e in model.elements.values()],
        "order": [s.name for s in model.order],
        "items": [
            {
                "name": i.name, "measures": i.measures, "loading": _plain(i.loading),
                "error": _plain(i.error), "intercept": _plain(i.intercept), "points": i.points,
                "thresholds": list(i.thresholds), "doc": i.doc,
                **({"also": [[n, _plain(v)] for n, v in i.also.items()]} if i.also else {}),
                **({} if i.free else {"free": False}),
            }
            for i in model.items.values()
        ],
        "records": [
            {
                "name": r.name, "by_stage": r.by_stage, "resolution": r.resolution,
                "bins": None if r.bins is None else list(r.bins),
                **({"spacing": r.spacing} if r.spacing != "equal" else {}),
            }
            for r in model.records.values()
        ],
        "segments": [
            {"name": s.name, "weight": s.weight, "traits": s.traits}
            for s in model.segments.values()
        ],
        "correlated": [list(group) for group in model.correlated_traits],
    }  # fmt: skip
    if model.community_size is not None:
        data["community"] = model.community_size
    if model.outcomes:
        data["outcomes"] = [
            {
                "name": o.name, "kind": o.kind, "predictor": expressions.to_json(o.predictor),
                "size": None if o.size is None else _plain(o.size), "points": o.points,
                "thresholds": list(o.thresholds), "symbol": o.symbol, "doc": o.doc,
            }
            for o in model.outcomes.values()
        ]  # fmt: skip
    for word, pairs in (
        ("error_covariances", model.error_covariances),
        ("trait_covariances", model.trait_covariances),
    ):
        if pairs:
            data[word] = [[*pair, _plain(v)] for pair, v in pairs.items()]
    return json.dumps(data, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _plain(value: Coefficient) -> Any:
    return value if isinstance(value, float) else expressions.to_json(value)


def _coefficient(argument: str, data: Any) -> Any:
    is_number = isinstance(data, int | float) and not isinstance(data, bool)
    return data if is_number else expressions.from_json(argument, data)


def _word(e: Element) -> dict[str, Any]:
    out: dict[str, Any] = {"kind": type(e).__name__.lower(), "name": e.name}
    out.update({k: getattr(e, k) for k in _COMMON[:3] if getattr(e, k)})
    if e.claims:
        out["claims"] = list(e.claims)
    x = expressions.to_json
    match e:
        case Parameter():
            out |= {"value": e.value, "source": e.source,
                    "prior": None if e.prior is None else e.prior.to_json()}  # fmt: skip
            if e.shared:
                out["shared"] = True
        case Trait():
            drawn = e.distribution
            out["value"] = e.value if drawn is None else drawn.to_json()
            if e.given:
                out["given"] = True
        case Lever():
            out |= {"default": e.default, "low": e.low, "high": e.high, "cost": x(e.cost)}
        case Draw():
            out["distribution"] = e.distribution.to_json()
        case Event():
            for word in ("probability", "logit", "when"):
                if getattr(e, word) is not None:
                    out[word] = x(getattr(e, word))
        case Calendar():
            out |= {"values": list(e.values), "repeat": e.repeat}
        case State():
            out |= {"start": x(e.start), "low": e.low, "high": e.high, "carry": x(e.carry),
                    "noise": x(e.noise)}  # fmt: skip
            for word in ("target", "increment"):
                if getattr(e, word) is not None:
                    out[word] = x(getattr(e, word))
        case Define():
            out["expression"] = x(e.expression)
        case Stage():
            out |= {"transitions": [[a, list(b.items())] for a, b in e.transitions.items()],
                    "absorbing": list(e.absorbing)}  # fmt: skip
        case Environment():
            out |= {"start": e.start, "carry": x(e.carry), "scope": e.scope,
                    "resolution": e.resolution}  # fmt: skip
            if e.target is not None:
                out["target"] = x(e.target)
    return out


def from_json(text: str) -> Model:
    """Rebuild a model; a word that refers to a later one is named with the circle it closes."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError, TypeError) as error:
        raise InputError(f"model: not JSON ({error})") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT_VERSION:
        raise refuse("model", type(data).__name__, f"a JSON object with format {FORMAT_VERSION}")
    try:
        model = _build(data)
        model.to_json()  # texts that are none show here
        return model
    except InputError:
        raise
    except (
        ArithmeticError, AttributeError, IndexError, KeyError, NotImplementedError, RecursionError,
        TypeError, ValueError,
    ) as error:  # fmt: skip
        raise InputError(f"model: not a complete model ({type(error).__name__}: {error})") from None


def _build(data: dict[str, Any]) -> Model:
    model = Model(data["name"], data["period"], title=data["title"], doc=data["doc"])
    model.recall = _recall(data["recall"])
    if "community" in data:
        model.community(data["community"])
    words = {w["name"]: w for w in data["words"]}
    _refuse_circles(words)
    _declare_in_order(model, data["words"], list(data["order"]))
    for item in data["items"]:
        model.survey(
            item["measures"], [item["name"]], points=item["points"],
            thresholds=item["thresholds"], wording=[item["doc"]], free=item.get("free", True),
            **{w: _coefficient(f"{item['name']}.{w}", item[w])
               for w in ("loading", "error", "intercept")},
        )  # fmt: skip
        for name, loading in item.get("also", ()):
            model.cross_loading(item["name"], name, _coefficient(f"{item['name']}.also", loading))
    for outcome in data.get("outcomes", ()):
        name, size = outcome["name"], outcome["size"]
        model.outcome(
            name, expressions.from_json(f"{name}.predictor", outcome["predictor"]), outcome["kind"],
            size=None if size is None else _coefficient(f"{name}.size", size),
            thresholds=outcome["thresholds"], symbol=outcome["symbol"], doc=outcome["doc"],
            **({"points": outcome["points"]} if outcome["points"] else {}),
        )  # fmt: skip
    for record in data["records"]:
        bins = record["bins"]
        model.record(
            record["name"], by_stage=record["by_stage"], resolution=record["resolution"],
            bins=None if bins is None else tuple(bins), spacing=record.get("spacing", "equal"),
        )  # fmt: skip
    segments = data["segments"]
    if [s["name"] for s in segments] != ["all"]:
        for segment in segments:
            model.segment(segment["name"], segment["weight"], **segment["traits"])
    for group in data["correlated"]:
        model.correlated(*group)
    for one, other, value in data.get("error_covariances", ()):
        model.covary(one, other, _coefficient(f"{one}, {other}", value))
    for one, other, value in data.get("trait_covariances", ()):
        model.covary(model[one], model[other], _coefficient(f"{one}, {other}", value))
    return model


def _declare_in_order(model: Model, words: list[dict[str, Any]], order: list[str]) -> None:
    """Declare words as listed, giving each state its equation where the period's order says."""
    by_name = {w["name"]: w for w in words}
    waiting = iter(order)

    def up_to(name: str | None) -> None:
        for following in waiting:
            if following == name:
                return
            if following not in by_name or by_name[following]["kind"] not in CARRIED:
                raise refuse("order", following, "states, and other words as they are declared")
            _update(model, by_name[following])
        if name is not None:
            raise refuse("order", name, "an order that contains every draw, event and define once")

    for word in words:
        if word["kind"] not in ("parameter", "trait", "lever", "calendar", *CARRIED):
            up_to(word["name"])
        _declare(model, word)
    up_to(None)


def _recall(value: Any) -> int:
    if type(value) is not int or not 1 <= value <= 100_000:
        raise refuse("recall", value, "a whole number of periods from 1 to 100000")
    return value


def _declare(model: Model, w: dict[str, Any]) -> None:
    name, kind = w["name"], w["kind"]
    common = {k: w[k] for k in _COMMON if k in w}
    x = expressions.from_json
    match kind:
        case "parameter":
            prior = w["prior"]
            model.parameter(
                name, w["value"], source=w["source"], shared=w.get("shared", False), **common,
                prior=None if prior is None else distribution_from_json(f"{name}.prior", prior),
            )  # fmt: skip
        case "trait":
            value = w["value"]
            drawn = isinstance(value, list)
            model.trait(name, distribution_from_json(name, value) if drawn else value,
                        given=w.get("given", False), **common)  # fmt: skip
        case "lever":
            model.lever(name, w["default"], low=w["low"], high=w["high"],
                        cost=x(f"{name}.cost", w["cost"]), **common)  # fmt: skip
        case "state":
            model.state(name, start=x(f"{name}.start", w["start"]), low=w["low"], high=w["high"],
                        **common)  # fmt: skip
        case "draw":
            model.draw(name, distribution_from_json(name, w["distribution"]), **common)
        case "event":
            chosen = {k: x(f"{name}.{k}", w[k]) for k in ("probability", "logit", "when") if k in w}
            model.event(name, **chosen, **common)
        case "calendar":
            model.calendar(name, w["values"] or None, repeat=w["repeat"], **common)
        case "define":
            model.define(name, x(name, w["expression"]), **common)
        case "stage":
            moves = {origin: dict(goals) for origin, goals in w["transitions"]}
            common.pop("unit", None)
            model.stage(name, moves, absorbing=w["absorbing"], **common)
        case "environment":
            model.environment(name, start=w["start"], scope=w["scope"],
                              resolution=w["resolution"], **common)  # fmt: skip
        case _:
            raise refuse("kind", kind, "a word of the model language")


def _update(model: Model, w: dict[str, Any]) -> None:
    terms = {
        word: expressions.from_json(f"{w['name']}.{word}", w[word])
        for word in ("carry", "target", "increment", "noise")
        if word in w
    }
    model.update(w["name"], **terms)


def _names(data: Any) -> set[str]:
    if isinstance(data, str):
        return {data}
    if isinstance(data, list):
        return set().union(*(_names(part) for part in data[1:])) if len(data) > 1 else set()
    return set()


def _refuse_circles(words: dict[str, dict[str, Any]]) -> None:
    """A define may lead back to itself only through a state, which remembers the period before."""
    uses = {
        name: sorted(_names(w["expression"]) & set(words))
        for name, w in words.items()
        if w["kind"] == "define"
    }
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            circle = " → ".join((*path[path.index(name) :], name))
            raise refuse("define", circle, "definitions without a circle (use a state to remember)")
        if name in done or name not in uses:
            return
        for other in uses[name]:
            visit(other, (*path, name))
        done.add(name)

    for name in uses:
        visit(name, ())
