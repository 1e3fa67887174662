"""What a stage model consists of, and where its numbers stand in the likelihood's θ."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from pycore.errors import refuse, require_name
from pycore.model.model import Model

__all__ = ["FAMILIES", "Design", "Family", "Order", "read_graph", "read_outcomes"]

Array = NDArray[np.float64]
Family = Literal["bernoulli", "poisson", "categorical"]
Order = Literal["falling", "rising", "free"]
FAMILIES: tuple[Family, ...] = get_args(Family)  # in the order of the compiled core
_MOST_STAGES, _MOST_MOVES = 16, 64


@dataclass(frozen=True, eq=False)
class Design:
    """A stage model and the columns that it reads.

    Attributes
    ----------
    stages : tuple of str
        The first is where a life begins.
    goals : dict
        Stage → the stages it leads to.
    silent : tuple of str
        Stages in which nothing is ever seen to happen.
    outcomes, orders : dict
        Column → family, and how its level goes from stage to stage.
    levels : dict
        Categorical column → its values; the first is the reference.
    covariates, centre, scale : tuple
        Columns, and the mean and standard deviation that they are measured by.
    platforms : tuple of str
        Labels; one empty label if there is no platform column.
    consumer, period, platform, known : str or None
        Columns.
    free_start : bool
        Whether a history may begin in any stage.
    """

    stages: tuple[str, ...]
    goals: dict[str, tuple[str, ...]]
    silent: tuple[str, ...]
    outcomes: dict[str, Family]
    orders: dict[str, Order]
    levels: dict[str, tuple[str, ...]]
    covariates: tuple[str, ...]
    centre: tuple[float, ...]
    scale: tuple[float, ...]
    platforms: tuple[str, ...]
    consumer: str
    period: str
    platform: str | None
    known: str | None
    free_start: bool

    @property
    def moves(self) -> tuple[tuple[str, str], ...]:
        """Origin and goal, in the order of the likelihood."""
        return tuple((a, b) for a in self.stages for b in self.goals[a])

    @property
    def move_labels(self) -> list[str]:
        """Moves in print."""
        return [f"{a} → {b}" for a, b in self.moves]

    @property
    def speaking(self) -> tuple[int, ...]:
        """Numbers of the stages that are not silent."""
        return tuple(k for k, s in enumerate(self.stages) if s not in self.silent)

    @property
    def layout(self) -> dict[str, tuple[slice, tuple[int, ...]]]:
        """Part of θ → its place and shape; outcomes under ``outcome:`` and their names."""
        shapes: dict[str, tuple[int, ...]] = {}
        if self.free_start:
            shapes["start"] = (len(self.stages) - 1,)
        shapes["intercept"] = (len(self.platforms), len(self.moves))
        shapes["slope"] = (len(self.moves), len(self.covariates))
        for name, family in self.outcomes.items():
            wide = (len(self.levels[name]) - 1,) if family == "categorical" else ()
            shapes[f"outcome:{name}"] = (len(self.speaking), *wide)
        made, at = {}, 0
        for name, shape in shapes.items():
            size = int(np.prod(shape))
            made[name] = (slice(at, at + size), shape)
            at += size
        return made

    def part(self, theta: Array, name: str) -> Array:
        """A part of θ (…, number), with its shape."""
        place, shape = self.layout[name]
        return theta[..., place].reshape((*theta.shape[:-1], *shape))

    def transition(self, theta: Array, platform: Any, covariates: Array) -> Array:
        """Probabilities (…, stage, stage) of one θ, for platforms (…) and covariates (…, k) centred."""
        logits = self.part(theta, "intercept")[platform] + covariates @ self.part(theta, "slope").T
        odds = np.exp(np.clip(logits, -300, 300))
        count = len(self.stages)
        made = np.zeros((*odds.shape[:-1], count, count))
        made[..., np.arange(count), np.arange(count)] = 1.0
        number = {s: k for k, s in enumerate(self.stages)}
        for m, (a, b) in enumerate(self.moves):
            made[..., number[a], number[b]] = odds[..., m]
        return np.asarray(made / made.sum(axis=-1, keepdims=True))

    def expected(self, theta: Array, name: str) -> Array:
        """By stage: chance, rate, or probabilities of the categories; θ has shape (…, number)."""
        own = self.part(theta, f"outcome:{name}")
        lead, count = theta.shape[:-1], len(self.stages)
        family = self.outcomes[name]
        if family == "categorical":
            full = np.concatenate([np.zeros((*own.shape[:-1], 1)), own], axis=-1)
            share = np.exp(full - full.max(axis=-1, keepdims=True))
            made = np.zeros((*lead, count, full.shape[-1]))
            made[..., 0] = 1.0
            made[..., self.speaking, :] = share / share.sum(axis=-1, keepdims=True)
            return made
        made = np.zeros((*lead, count))
        made[..., self.speaking] = np.exp(own) if family == "poisson" else 1 / (1 + np.exp(-own))
        return made

    def to_json(self) -> str:
        """As text, for the attributes of a fit."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Design:
        """From :meth:`to_json`."""
        given = json.loads(text)
        for name in ("stages", "silent", "covariates", "centre", "scale", "platforms"):
            given[name] = tuple(given[name])
        for name in ("goals", "levels"):
            given[name] = {k: tuple(v) for k, v in given[name].items()}
        return cls(**given)


def read_graph(
    graph: Model | Mapping[str, Sequence[str]],
) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
    """Stages and where they lead, of a model's stage word or of a mapping.

    Examples
    --------
    >>> read_graph({"active": ["gone"], "gone": []})
    (('active', 'gone'), {'active': ('gone',), 'gone': ()})
    """
    if isinstance(graph, Model):
        stage = graph.stage_element
        if stage is None:
            raise refuse("graph", graph, "a model with a stage word")
        goals = {a: tuple(stage.transitions.get(a, ())) for a in stage.labels}
        return stage.labels, goals
    if not isinstance(graph, Mapping) or not graph:
        raise refuse("graph", graph, "a pc.Model or a mapping of stage to the stages it leads to")
    stages = tuple(graph)
    goals = {}
    for origin, leads in graph.items():
        if isinstance(leads, str):
            raise refuse(f"graph[{origin!r}]", leads, "a list of stages")
        goals[origin] = tuple(leads)
        for goal in goals[origin]:
            require_name(f"graph[{origin!r}]", goal, [s for s in stages if s != origin])
        if len(set(goals[origin])) != len(goals[origin]):
            raise refuse(f"graph[{origin!r}]", leads, "different stages")
    if len(stages) > _MOST_STAGES or sum(map(len, goals.values())) > _MOST_MOVES:
        raise refuse("graph", f"{len(stages)} stages",
                     f"at most {_MOST_STAGES} stages and {_MOST_MOVES} moves")  # fmt: skip
    return stages, goals


def read_outcomes(
    outcomes: Mapping[str, Family], order: Mapping[str, Order] | None, speaking: int
) -> tuple[dict[str, Family], dict[str, Order]]:
    """Families and orders, checked; the first ordered outcome tells the stages apart."""
    if not isinstance(outcomes, Mapping) or not outcomes:
        raise refuse("outcomes", outcomes, "a mapping of column to family")
    for name, family in outcomes.items():
        if family not in FAMILIES:
            raise refuse(f"outcomes[{name!r}]", family, f"one of {', '.join(FAMILIES)}")
    first = next((n for n, f in outcomes.items() if f != "categorical"), None)
    orders: dict[str, Order] = {n: "falling" if n == first else "free" for n in outcomes}
    for name, direction in (order or {}).items():
        require_name("order", name, outcomes)
        if direction not in get_args(Order):
            raise refuse(f"order[{name!r}]", direction, f"one of {', '.join(get_args(Order))}")
        if direction != "free" and outcomes[name] == "categorical":
            raise refuse(f"order[{name!r}]", direction, "'free': categories have no level")
        orders[name] = direction
    if speaking > 1 and not set(orders.values()) & {"falling", "rising"}:
        raise refuse("order", order, "an outcome whose level falls or rises from stage to stage; "
                     "without one the stages could change names")  # fmt: skip
    return dict(outcomes), orders
