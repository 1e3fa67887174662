"""Join models by shared names."""

from __future__ import annotations

import json
from typing import Any

from pycore.errors import InputError, refuse
from pycore.model.model import Model
from pycore.model.serialize import CARRIED

__all__ = ["compose"]


def compose(first: Model, *others: Model, name: str | None = None) -> Model:
    """Join models into one; words with equal names must be equal, or one of them bare.

    A word that one model only declares (a constant trait, or a parameter-like input) and another
    one computes (a state, a define) is taken from the one that computes it: that is how a model
    feeds another.  Everything else that differs under one name is a clash and is refused.

    Parameters
    ----------
    first, *others : Model
        Models with the same period.
    name : str, optional
        Name of the result, by default the names joined by ``_``.

    Returns
    -------
    Model

    Raises
    ------
    InputError
        If periods differ or two models mean different things by one name.

    Examples
    --------
    >>> a, b = Model("a"), Model("b")
    >>> mood = a.state("mood", carry=0.5, target=a.draw("luck", _normal()))
    >>> bad = b.trait("mood")
    >>> b.record(b.event("leave", logit=-3 - bad))
    >>> compose(a, b).name
    'a_b'
    """
    models = (first, *others)
    for m in models:
        if not isinstance(m, Model):
            raise refuse("models", m, "pycore models")
        if m.period != first.period:
            raise refuse("period", m.period, f"the same period in every model ({first.period!r})")
    sources = [json.loads(m.to_json()) for m in models]
    words: dict[str, dict[str, Any]] = {}
    for source in sources:
        for word in source["words"]:
            words[word["name"]] = _joined(words.get(word["name"]), word)
    order = _merged_order(sources, words)
    timeless = [w for n, w in words.items() if n not in order or w["kind"] in CARRIED]
    joined: dict[str, Any] = {
        **sources[0],
        "name": name or "_".join(m.name for m in models),
        "title": " + ".join(m.title for m in models),
        "doc": "",
        "words": [*timeless, *(words[n] for n in order if words[n]["kind"] not in CARRIED)],
        "order": order,
        "recall": max(m.recall for m in models),
    }
    for part in ("items", "outcomes", "records"):
        found: dict[str, Any] = {}
        for source in sources:
            for entry in source.get(part, ()):
                if found.setdefault(entry["name"], entry) != entry:
                    raise refuse(part, entry["name"], "the same meaning in every model")
        joined[part] = list(found.values())
    sizes = {s["community"] for s in sources if "community" in s}
    if len(sizes) > 1:
        raise refuse("models", f"communities of {sorted(sizes)}", "one size of community")
    if sizes:
        joined["community"] = sizes.pop()
    for word in ("error_covariances", "trait_covariances"):
        joined[word] = [c for s in sources for c in s.get(word, ())]
    joined["segments"] = _segments(sources, words)
    joined["correlated"] = [g for s in sources for g in s["correlated"]]
    return Model.from_json(json.dumps(joined))


def _normal() -> Any:
    from pycore.model.distributions import Normal

    return Normal(0, 1)


def _bare(word: dict[str, Any]) -> bool:
    return word["kind"] == "trait" and not isinstance(word["value"], list)


def _joined(old: dict[str, Any] | None, new: dict[str, Any]) -> dict[str, Any]:
    if old is None or old == new:
        return new
    if _bare(old) and new["kind"] in ("state", "define", "trait"):
        return new
    if _bare(new) and old["kind"] in ("state", "define", "trait"):
        return old
    raise refuse("name", new["name"], f"one meaning in all models (here {old['kind']} and "
                 f"{new['kind']} differ)")  # fmt: skip


def _merged_order(sources: list[dict[str, Any]], words: dict[str, dict[str, Any]]) -> list[str]:
    """Each model's order is kept, and what one model computes stands before its readers."""
    after: dict[str, set[str]] = {}
    rank: dict[str, int] = {}
    for source in sources:
        previous = None
        for name in source["order"]:
            rank.setdefault(name, len(rank))
            after.setdefault(name, set())
            if previous is not None:
                after[name].add(previous)
            previous = name
    for source in sources:
        bare = {w["name"] for w in source["words"] if _bare(w) and not _bare(words[w["name"]])}
        for name in source["order"]:
            after[name] |= {b for b in bare if b in after and b != name and _reads(words[name], b)}
    result: list[str] = []
    while after:
        ready = [n for n, before in after.items() if not before & after.keys()]
        if not ready:
            raise InputError(
                f"order: received {sorted(after)}, allowed are models whose periods can be run "
                "one after another without a circle"
            )
        chosen = min(ready, key=rank.__getitem__)
        result.append(chosen)
        del after[chosen]
    return result


def _reads(word: dict[str, Any], name: str) -> bool:
    return any(_mentions(v, name) for k, v in word.items() if k not in ("name", "doc", "claims"))


def _mentions(data: Any, name: str) -> bool:
    if isinstance(data, list):
        return any(_mentions(part, name) for part in data)
    if isinstance(data, dict):
        return any(_mentions(part, name) for part in data.values())
    return bool(data == name)


def _segments(
    sources: list[dict[str, Any]], words: dict[str, dict[str, Any]]
) -> list[dict[str, Any]]:
    own = [s["segments"] for s in sources if [x["name"] for x in s["segments"]] != ["all"]]
    if not own:
        return list(sources[0]["segments"])
    if any(s != own[0] for s in own):
        raise refuse("segments", [[x["name"] for x in s] for s in own], "equal segments, or one "
                     "model with segments")  # fmt: skip
    kept = {n for n, w in words.items() if _bare(w)}
    return [{**s, "traits": {k: v for k, v in s["traits"].items() if k in kept}} for s in own[0]]
