"""From a model and its data to a plan: what is free, on which scale, and what groups share.

A model says what is free in two ways.  *Free items* (the default of :meth:`pycore.Model.survey`)
carry guesses: their errors, intercepts and loadings are estimated, but for the first loading of each
state or trait, which sets the scale, and the error of an item that measures something alone; so is
the variance of a measured trait, unless it is written with parameters.  *Held items* carry numbers
that stay, and what is estimated are the model's parameters, wherever they are written; this is what
lavaan's syntax becomes.

Scale: a prior speaks of standard deviations of items.  The unit of a state is the standard deviation
of its first item with a number for a loading, divided by that number.  A parameter with a prior of
its own is in the units of the model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import sympy as sp

from pycore.errors import refuse, require_name
from pycore.estimation.free_items import FreeItems
from pycore.estimation.plan import BLOCKS, Plan
from pycore.estimation.priors import choose
from pycore.estimation.sample import Sample
from pycore.model.distributions import Distribution
from pycore.model.elements import Define, Item, Parameter
from pycore.model.expressions import symbol
from pycore.model.model import Model
from pycore.model.structural import Structural, structural

__all__ = ["EQUAL", "make_plan"]

EQUAL = (
    "loadings", "intercepts", "means", "residuals", "residual.covariances", "lv.variances",
    "lv.covariances", "regressions",
)  # fmt: skip
_RESERVED = {
    "path", "loading", "intercept", "item_variance", "item_covariance", "state_covariance",
    "std_path", "std_loading", "std_intercept", "std_item_variance", "std_item_covariance",
    "std_state_covariance", "state_intercept", "std_state_intercept", "chain", "draw", "group",
    "item", "item_", "state", "state_", "effect", "cause", "defined", "statistic", "name",
}  # fmt: skip


def make_plan(
    model: Model,
    sample: Sample,
    priors: Mapping[str, Any] | str | None,
    *,
    equal: Iterable[str] = (),
    likelihood: bool = False,
    raw: bool = False,
) -> Plan:
    """Decide what is free.

    Parameters
    ----------
    model : Model
        The model.
    sample : Sample
        Data: groups, and the scale of the items.
    priors : mapping, "blavaan" or None
        See :func:`pycore.estimate`.
    equal : iterable of str
        What groups share, among :data:`EQUAL`.
    likelihood : bool
        For maximum likelihood: no priors, and variances and covariances themselves are free.
    raw : bool
        Priors speak of units of the model, not of the items' deviations in the data.

    Raises
    ------
    InputError
        For a prior of an unknown parameter, or a parameter named like a result.
    """
    names = (equal,) if isinstance(equal, str) else tuple(equal)
    for name in names:
        require_name("equal", name, EQUAL)
    made: dict[tuple[tuple[str, float], ...], Structural] = {}
    for traits in sample.traits:
        key = tuple(sorted(traits.items()))
        if key not in made:
            made[key] = structural(model, **traits)
    forms = tuple(made[tuple(sorted(traits.items()))] for traits in sample.traits)
    used = {n for form in forms for n in form.parameters}
    known = tuple(n for n in model.of_kind(Parameter) if n in used)
    for name in known:
        if name in _RESERVED:
            raise refuse("parameter", name, "a name that no result of an estimate has")
    chosen, fixed, defaults = choose(model, known, priors)
    if likelihood and (priors == "blavaan" or any(
        isinstance(p, Distribution) for p in (priors.values() if isinstance(priors, Mapping) else ())
    )):  # fmt: skip
        raise refuse("priors", priors, "numbers that hold parameters, with method='ml'")
    if raw:
        defaults = replace(defaults, raw=True)
    maker = _Specification(model, sample, forms, chosen, fixed, defaults, set(names), likelihood)
    return maker.plan()


class _Specification(FreeItems):
    """Replaces all that is free, one kind after the other."""

    def plan(self) -> Plan:
        """Replace, in the order in which the random variables shall stand."""
        given = self._take_given()
        roles = self._roles()
        self._parameters(roles)
        self._items()
        self._traits()
        self._freed_means()
        self._correlated_blocks()
        means = self._intercepts()
        held = {n: v for n, v in self.forms[0].values.items() if n not in self.chosen}
        return Plan(
            model=self.model, forms=self.forms, groups=self.sample.groups,
            group_name=self.sample.group_name, varying=self.varying, free=tuple(self.free),
            correlations=self.correlations, matrices=tuple(self.matrices),
            parameters=self.parameters, defined=self._defined(), held=held | self.fixed,
            defaults=self.defaults, means=means, given=given,
        )  # fmt: skip

    # ------------------------------------------------------------------ means

    def _intercepts(self) -> str:
        """Free intercepts; whether each item's own mean makes modelling the means unnecessary."""
        own = self._own({"intercepts"})
        if not self.sample.means or (
            self.sample.complete
            and not self.likelihood
            and (own or self.groups == 1 or self.sample.moderated)
            and not any(m["mean"] for m in self.matrices)
            and all(self._own_mean(k, item) for k, item in enumerate(self.items))
        ):
            names = set[str]()
            for g, matrices in enumerate(self.matrices):
                for word in ("intercept", "mean"):
                    for entry in matrices[word].values():
                        names |= self._random(entry, g)
                    matrices[word] = {}
            self._drop(names)
            return "profiled"
        places = [k for k, item in enumerate(self.items)
                  if item.free and isinstance(item.intercept, float)]  # fmt: skip
        if places:
            own = own or self.sample.moderated
            shape = (self.groups, len(places)) if own else (len(places),)
            made = self._add("free_intercept", shape, self.defaults.intercept)
            for g in range(self.groups):
                for k, i in enumerate(places):
                    centre = self._centres(i, own)[g if own else 0]
                    at = g * len(places) + k if own else k
                    self.matrices[g]["intercept"][i, 0] = (
                        sp.Float(centre) + sp.Float(self.scale[i]) * made[at]
                    )
        return "modelled"

    def _own_mean(self, k: int, item: Item) -> bool:
        """Whether nothing but an item's own mean says its intercept."""
        if isinstance(item.intercept, float):
            return item.free
        own = [
            self._random(m["intercept"].get((k, 0), sp.S.Zero), g)
            for g, m in enumerate(self.matrices)
        ]
        mine = set().union(*own)
        if len(mine) != self.groups or any(len(names) != 1 for names in own):
            return False
        names = {s.name for s in item.intercept.free_symbols}
        if any(self.chosen.get(n) is not None for n in names):
            return False
        elsewhere = {
            s.name for m in self.matrices for block in BLOCKS for at, e in m[block].items()
            if (block, at) != ("intercept", (k, 0)) for s in e.free_symbols
        }  # fmt: skip
        defined = {
            s.name for d in self.model.of_kind(Define).values() for s in d.expression.free_symbols
        }
        return not names & elsewhere and not names & defined

    def _random(self, entry: sp.Expr, g: int) -> set[str]:
        """Names of the free quantities in an entry."""
        found = set()
        for s in entry.free_symbols:
            own = self.parameters.get(s.name, (s,))
            found |= {r.name for r in own[g if len(own) > 1 else 0].free_symbols}
        return found

    def _drop(self, names: set[str]) -> None:
        """Forget intercepts that are integrated out; they are drawn from their conditional."""
        gone = {f.name for f in self.free if any(f[k].name in names for k in range(f.size))}
        self.free = [f for f in self.free if f.name not in gone]
        self.parameters = {
            n: e for n, e in self.parameters.items()
            if not any(s.name in names for part in e for s in part.free_symbols)
        }  # fmt: skip

    # ------------------------------------------------------------------ defined quantities

    def _defined(self) -> dict[str, tuple[sp.Expr, ...]]:
        """Definitions made of parameters alone."""
        found: dict[str, tuple[sp.Expr, ...]] = {}
        numbers = {**self.forms[0].values, **self.fixed}
        known = {
            n: self.parameters.get(n, (sp.Float(numbers[n]),))
            for n in self.model.of_kind(Parameter)
            if n in numbers
        }
        for name, define in self.model.of_kind(Define).items():
            inside = {s.name for s in define.expression.free_symbols}
            if not inside or not inside <= known.keys() | found.keys():
                continue
            parts = {**known, **found}
            count = max(len(parts[n]) for n in inside)
            found[name] = tuple(
                define.expression.xreplace(
                    {symbol(n): parts[n][g if len(parts[n]) > 1 else 0] for n in inside}
                )
                for g in range(count)
            )
        return {n: e for n, e in found.items() if any(s for part in e for s in part.free_symbols)}
