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
from typing import Any

import numpy as np
import sympy as sp

from pycore.errors import refuse, require_name
from pycore.estimation.plan import BLOCKS, Entries, Free, Plan, place
from pycore.estimation.priors import Defaults, choose, is_positive
from pycore.estimation.sample import Sample
from pycore.model.distributions import Beta, Distribution, HalfNormal
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
_START = 0.1  # a path that starts at exactly 0 can have an exactly zero gradient

Role = tuple[str, int, int]


def make_plan(
    model: Model,
    sample: Sample,
    priors: Mapping[str, Any] | str | None,
    *,
    equal: Iterable[str] = (),
    likelihood: bool = False,
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
    maker = _Specification(model, sample, forms, chosen, fixed, defaults, set(names), likelihood)
    return maker.plan()


class _Specification:
    """Fills the matrices, then replaces what is free in them."""

    def __init__(
        self,
        model: Model,
        sample: Sample,
        forms: tuple[Structural, ...],
        chosen: dict[str, Distribution | None],
        fixed: dict[str, float],
        defaults: Defaults,
        equal: set[str],
        likelihood: bool,
    ) -> None:
        self.model, self.sample, self.forms = model, sample, forms
        self.chosen, self.fixed, self.defaults = chosen, fixed, defaults
        self.equal, self.likelihood = equal, likelihood
        self.items = list(model.items.values())
        self.latents = (*forms[0].states, *forms[0].exogenous)
        self.groups = len(sample.groups)
        self.varying = sample.group_name is not None and not sample.moderated
        self.held = not any(item.free for item in self.items)
        self.free: list[Free] = []
        self.correlations: dict[str, int] = {}
        self.parameters: dict[str, tuple[sp.Expr, ...]] = {}
        self.scale = np.ones(len(self.items)) if defaults.raw else sample.scale
        self.matrices = [self._matrices(form) for form in forms]
        self.first = self._first_items()
        self.unit = self._units()

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

    # ------------------------------------------------------------------ as declared

    def _matrices(self, form: Structural) -> dict[str, Entries]:
        """The blocks with numbers for everything that is not estimated."""
        numbers = {
            symbol(n): sp.Float(v)
            for n, v in {**form.values, **self.fixed}.items()
            if n not in self.chosen
        }
        size = len(form.states)

        def entries(matrix: Any, down: int = 0, right: int = 0) -> Entries:
            found = {}
            for i in range(matrix.rows):
                for j in range(matrix.cols):
                    entry = matrix[i, j]
                    if (
                        entry.free_symbols & numbers.keys()
                    ):  # large expressions: as seldom as may be
                        entry = entry.xreplace(numbers)
                    if entry.is_Add or not entry.is_zero:  # 0 as integer or as float
                        found[i + down, j + right] = entry
            return found

        return {
            "loading": entries(form.Lambda),
            "path": entries(form.B) | entries(form.Gamma, 0, size),
            "disturbance": entries(form.Psi) | entries(form.Phi, size, size),
            "error": entries(form.Theta),
            "intercept": entries(form.nu),
            "mean": entries(form.intercepts) | entries(form.exogenous_means, size)
            if self.held else {},
        }  # fmt: skip

    def _first_items(self) -> list[int | None]:
        """For each state or trait, the item that gives it its scale."""
        found: list[int | None] = []
        for name in self.latents:
            mine = [k for k, item in enumerate(self.items) if item.measures == name]
            fixed = [k for k in mine if isinstance(self.items[k].loading, float)]
            found.append((fixed or mine or [None])[0])
        return found

    def _units(self) -> list[float]:
        """What one standard deviation of a state or trait is, to the order of magnitude."""
        matrices = self.matrices[0]
        if self.defaults.raw:
            return [1.0] * len(self.latents)
        found: list[float | None] = []
        for j, k in enumerate(self.first):
            variance = matrices["disturbance"].get((j, j), sp.S.Zero)
            loading = self.items[k].loading if k is not None else None
            if k is not None and isinstance(loading, float) and loading:
                found.append(float(self.scale[k] / abs(loading)))
            elif variance.is_number and variance > 0:
                found.append(float(sp.sqrt(variance)))
            elif k is not None:
                found.append(float(self.scale[k]))
            else:
                found.append(None)
        for j, unit in enumerate(found):
            # What no item measures has the scale of what it acts on by a given number.
            reached = [
                found[i] / abs(float(e))  # type: ignore[operator]
                for (i, cause), e in matrices["path"].items()
                if cause == j and e.is_number and found[i] is not None
            ]
            found[j] = unit if unit is not None else (reached or [1.0])[0]
        return [float(u or 1.0) for u in found]

    def _face_value(self, j: int) -> int | None:
        """The item that is a state or trait, without error."""
        mine = [k for k, item in enumerate(self.items) if self.latents[j] in item.loadings]
        if len(mine) == 1:
            item = self.items[mine[0]]
            if item.error == 0 and len(item.loadings) == 1 and item.loading == 1:
                return mine[0]
        return None

    def _take_given(self) -> tuple[int, ...]:
        """Moments of given traits, from the data."""
        given = [
            j for j, n in enumerate(self.latents)
            if n in self.forms[0].exogenous and self.model.element(n).given  # type: ignore[attr-defined]
        ]  # fmt: skip
        items = []
        for j in given:
            item = self._face_value(j)
            if item is None:
                raise refuse(f"trait {self.latents[j]!r}", "given",
                             "a trait that one item measures with loading 1 and error 0")  # fmt: skip
            items.append(item)
        for g, matrices in enumerate(self.matrices):
            if not items:
                break
            units = [u for u in self.sample.units if u.group == g]
            if any(not u.observed[items].all() for u in units):
                raise refuse("data", f"gaps in {', '.join(self.items[k].name for k in items)}",
                             "complete answers of what is taken as given")  # fmt: skip
            n = sum(u.n for u in units)
            level = sum(u.n * u.mean for u in units) / n
            cov = sum(
                u.n * (u.cov + np.outer(u.mean - level, u.mean - level)) for u in units
            ) / n  # fmt: skip
            for a, i in zip(items, given, strict=True):
                matrices["mean"][i, 0] = sp.Float(level[a])
                matrices["intercept"].pop((a, 0), None)
                for b, j in zip(items, given, strict=True):
                    matrices["disturbance"][i, j] = sp.Float(cov[a, b])
        return tuple(items)

    # ------------------------------------------------------------------ random variables

    def _add(
        self, name: str, shape: tuple[int, ...], prior: Distribution, start: float = 0.0
    ) -> Free:
        made = Free(name, shape, None if self.likelihood else prior, start)
        self.free.append(made)
        return made

    def _own(self, kinds: set[str], shared: bool = False) -> bool:
        """Whether groups have one of their own."""
        return self.varying and not shared and not kinds & self.equal

    def _vector(
        self, name: str, count: int, kind: str, prior: Distribution, start: float
    ) -> list[list[sp.Expr]]:
        """Entries for each group of a vector that is the groups' own, or shared."""
        if not count:
            return [[] for _ in range(self.groups)]
        own = self._own({kind})
        made = self._add(name, (self.groups, count) if own else (count,), prior, start)
        return [
            [made[g * count + k if own else k] for k in range(count)] for g in range(self.groups)
        ]

    # ------------------------------------------------------------------ parameters

    def _roles(self) -> dict[str, set[Role]]:
        """Where each parameter stands: alone in an entry, or inside an expression."""
        found: dict[str, set[Role]] = {n: set() for n in self.chosen}
        for matrices in self.matrices:
            for block in BLOCKS:
                for (i, j), entry in matrices[block].items():
                    if block in ("error", "disturbance") and j > i:
                        continue
                    for free in entry.free_symbols:
                        if free.name in found:
                            word = block if entry == free else f"in {block}"
                            found[free.name].add((word, i, j))
        return found

    def _parameters(self, roles: dict[str, set[Role]]) -> None:
        """An expression of free quantities for every parameter, one or one per group."""
        waiting = []
        for name in self.chosen:
            role = self._single(name, roles[name])
            if role is not None and role[0] in ("error", "disturbance") and role[1] != role[2]:
                waiting.append((name, role))
                continue
            self.parameters[name] = self._parameter(name, role, roles[name])
        matrices: list[set[str]] = [] if self.likelihood else self._whole_blocks(waiting)
        for name, role in waiting:
            if not any(name in whole for whole in matrices):
                self.parameters[name] = self._covariance(name, role, roles[name])
        for k, whole in enumerate(matrices):
            self._block_of_parameters(f"correlation_of_traits_{k}", whole, dict(waiting))
        self.parameters = {n: self.parameters[n] for n in self.chosen}

    def _single(self, name: str, roles: set[Role]) -> Role | None:
        """The role of a held model's parameter without a prior of its own, if it has just one kind."""
        if not self.held or self.chosen[name] is not None or not roles:
            return None
        kinds = {
            word if word not in ("error", "disturbance") else "variance" if i == j else word
            for word, i, j in roles
        }
        role = min(roles)
        if len(kinds) > 1 or role[0] not in BLOCKS:
            return None
        is_covariance = role[0] in kinds and role[0] in ("error", "disturbance")
        # A covariance in two places is no one correlation times deviations.
        return None if is_covariance and len(roles) > 1 and not self.likelihood else role

    def _kinds(self, roles: set[Role]) -> set[str]:
        names = {
            "loading": "loadings", "path": "regressions", "intercept": "intercepts",
            "mean": "means",
        }  # fmt: skip
        found = set()
        for word, i, j in roles:
            block = word.removeprefix("in ")
            if block == "error":
                found.add("residuals" if i == j else "residual.covariances")
            elif block == "disturbance":
                found.add("lv.variances" if i == j else "lv.covariances")
            else:
                found.add(names[block])
            if block == "mean" and self._face_value(i) is not None:
                found.add("intercepts")
        return found

    def _guess(self, name: str, neutral: float) -> float | None:
        """A declared value that says something."""
        value = float(self.forms[0].values[name])
        return None if value == neutral else value

    def _parameter(self, name: str, role: Role | None, roles: set[Role]) -> tuple[sp.Expr, ...]:
        declared = self.model.of_kind(Parameter)[name]
        own = self._own(self._kinds(roles), declared.shared)
        shape = (self.groups,) if own else ()
        count = self.groups if own else 1
        if role is None:
            return self._plain(name, shape, count)
        word, i, j = role
        defaults = self.defaults
        centre, unit, neutral, start = [0.0] * count, 1.0, 0.0, 0.0
        prior = defaults.path
        if word == "loading":
            item = self.items[i]
            scaled = any(
                k.measures == self.latents[j] and isinstance(k.loading, float) for k in self.items
            )
            unit, neutral, start = self.scale[i] / self.unit[j], 1.0, 1.0
            prior = defaults.loading
            if item.measures != self.latents[j]:
                prior, start = defaults.cross, 0.0
            elif not scaled:
                first = self.first[j] == i
                spread = float(defaults.unscaled.arguments["sigma"])
                prior, start = HalfNormal(spread) if first else defaults.unscaled, 0.7
        elif word == "path":
            unit, start = self.unit[i] / self.unit[j], _START
        elif word == "intercept":
            unit, prior = self.scale[i], defaults.intercept
            centre = self._centres(i, own)
        elif word == "mean":
            unit, prior = self.unit[i], defaults.mean
            item_at = self._face_value(i)
            if item_at is not None:
                centre, prior = self._centres(item_at, own), defaults.intercept
        else:
            return self._variance(name, role, shape, count)
        guess = self._guess(name, neutral)
        if guess is not None:
            start = (guess - centre[0]) / unit
        free = self._add(f"free_{name}", shape, prior, start)
        return tuple(sp.Float(c) + sp.Float(unit) * free[k] if c else sp.Float(unit) * free[k]
                     for k, c in enumerate(centre))  # fmt: skip

    def _centres(self, item: int, own: bool) -> list[float]:
        levels = [float(self.sample.centre(g)[item]) for g in range(self.groups)]
        return levels if own else [float(np.mean(levels))]

    def _plain(self, name: str, shape: tuple[int, ...], count: int) -> tuple[sp.Expr, ...]:
        """A parameter under its own name and in the model's units."""
        positive = is_positive(self.model, name)
        prior = self.chosen[name] or (self.defaults.sd if positive else self.defaults.path)
        start = _inside(prior, 0.5 if positive else _START)
        value = float(self.forms[0].values[name])
        if self.likelihood and abs(value) > 1e-3:
            start = value
        free = self._add(name, shape, prior, start)
        return tuple(free[k] for k in range(count))

    def _variance(
        self, name: str, role: Role, shape: tuple[int, ...], count: int
    ) -> tuple[sp.Expr, ...]:
        """A variance: itself in a likelihood, the square of a deviation with a prior."""
        word, i, _ = role
        unit = float(self.scale[i] if word == "error" else self.unit[i])
        guess = self._guess(name, 1.0)
        if self.likelihood:
            half = 0.5 if guess is None else guess / unit**2
            free = self._add(f"free_{name}", shape, self.defaults.sd, half)
            return tuple(sp.Float(unit**2) * free[k] for k in range(count))
        start = 0.7 if guess is None or guess <= 0 else float(np.sqrt(guess)) / unit
        free = self._add(f"free_{name}", shape, self.defaults.sd, start)
        return tuple((sp.Float(unit) * free[k]) ** 2 for k in range(count))

    def _deviation(self, word: str, i: int, g: int) -> sp.Expr:
        """Standard deviation of an error, disturbance or trait in a group."""
        put_in = {symbol(n): e[g if len(e) > 1 else 0] for n, e in self.parameters.items()}
        return sp.sqrt(self.matrices[g][word].get((i, i), sp.S.Zero).xreplace(put_in))

    def _covariance(self, name: str, role: Role, roles: set[Role]) -> tuple[sp.Expr, ...]:
        """A covariance: itself in a likelihood, a correlation times deviations with a prior."""
        word, i, j = role
        declared = self.model.of_kind(Parameter)[name]
        own = self._own(self._kinds(roles), declared.shared)
        shape, count = ((self.groups,), self.groups) if own else ((), 1)
        units = self.scale if word == "error" else np.array(self.unit)
        if self.likelihood:
            unit = float(units[i] * units[j])
            free = self._add(f"free_{name}", shape, self.defaults.path,
                             (self._guess(name, 0.0) or 0.0) / unit)  # fmt: skip
            return tuple(sp.Float(unit) * free[k] for k in range(count))
        eta = self.defaults.correlation
        free = self._add(f"free_{name}", shape, Beta(eta, eta), 0.5)
        return tuple(
            (2 * free[k] - 1) * self._deviation(word, i, k) * self._deviation(word, j, k)
            for k in range(count)
        )

    def _whole_blocks(self, waiting: list[tuple[str, Role]]) -> list[set[str]]:
        """Traits all of whose covariances are parameters of their own share one prior (LKJ)."""
        pairs = {
            frozenset((i, j)): name for name, (word, i, j) in waiting
            if word == "disturbance" and min(i, j) >= len(self.forms[0].states)
        }  # fmt: skip
        shared = self.model.of_kind(Parameter)
        found, seen = [], set[int]()
        for start in sorted({k for pair in pairs for k in pair}):
            if start in seen:
                continue
            members, frontier = set[int](), [start]
            while frontier:
                k = frontier.pop()
                members.add(k)
                frontier += [m for pair in pairs if k in pair for m in pair if m not in members]
            seen |= members
            inside = {frozenset((a, b)) for a in members for b in members if a != b}
            names = {pairs[pair] for pair in inside if pair in pairs}
            alike = len({shared[n].shared for n in names}) == 1
            if len(members) > 2 and inside <= pairs.keys() and alike:
                found.append(names)
        return found

    def _block_of_parameters(self, label: str, names: set[str], roles: dict[str, Role]) -> None:
        members = sorted({k for n in names for k in roles[n][1:]})
        any_name = next(iter(names))
        own = self._own({"lv.covariances"}, self.model.of_kind(Parameter)[any_name].shared)
        count = self.groups if own else 1
        labels = [f"{label}_{g}" if own else label for g in range(count)]
        self.correlations |= dict.fromkeys(labels, len(members))
        for name in names:
            i, j = sorted((members.index(roles[name][1]), members.index(roles[name][2])))
            self.parameters[name] = tuple(
                place(labels[k], j, i)
                * self._deviation("disturbance", members[i], k)
                * self._deviation("disturbance", members[j], k)
                for k in range(count)
            )

    # ------------------------------------------------------------------ free items

    def _items(self) -> None:
        """Loadings, errors and their covariances that are only guessed."""
        loadings, errors = [], []
        alone = {j for j in range(len(self.latents))
                 if sum(self.latents[j] in i.loadings for i in self.items) == 1}  # fmt: skip
        for i, item in enumerate(self.items):
            if not item.free:
                continue
            for name, loading in item.loadings.items():
                j = self.latents.index(name)
                if isinstance(loading, float) and (i != self.first[j] or name != item.measures):
                    loadings.append((i, j))
            score = item.error == 0 and item.points == 0
            if isinstance(item.error, float) and not score and self.latents.index(item.measures) not in alone:  # fmt: skip
                errors.append(i)
        cross = [at for at in loadings if self.latents[at[1]] != self.items[at[0]].measures]
        main = [at for at in loadings if at not in cross]
        for name, places, prior, start in (
            ("free_loading", main, self.defaults.loading, 1.0),
            ("free_cross_loading", cross, self.defaults.cross, 0.0),
        ):
            made = self._vector(name, len(places), "loadings", prior, start)
            for g, entries in enumerate(made):
                for (i, j), entry in zip(places, entries, strict=True):
                    first = self.first[j]
                    marker = 1.0 if first is None else self.items[first].loading
                    sign = float(np.sign(marker)) if isinstance(marker, float) else 1.0
                    unit = sp.Float(sign * self.scale[i] / self.unit[j])
                    self.matrices[g]["loading"][i, j] = unit * entry
        deviations = self._vector("free_error", len(errors), "residuals", self.defaults.sd,
                                  0.5 if self.likelihood else 0.7)  # fmt: skip
        for g, entries in enumerate(deviations):
            for i, entry in zip(errors, entries, strict=True):
                self.matrices[g]["error"][i, i] = self._squared(self.scale[i], entry)
        self._free_covariances()

    def _squared(self, unit: float, entry: sp.Symbol) -> sp.Expr:
        if self.likelihood:
            return sp.Float(unit**2) * entry
        return (sp.Float(unit) * entry) ** 2

    def _free_covariances(self) -> None:
        index = {item.name: k for k, item in enumerate(self.items)}
        pairs = [
            (index[a], index[b]) for (a, b), value in self.model.covariances.items()
            if a in index and isinstance(value, float)
            and self.items[index[a]].free and self.items[index[b]].free
        ]  # fmt: skip
        eta = self.defaults.correlation
        made = self._vector("free_error_correlation", len(pairs), "residual.covariances",
                            Beta(eta, eta), 0.0 if self.likelihood else 0.5)  # fmt: skip
        for g, entries in enumerate(made):
            error = self.matrices[g]["error"]
            for (i, j), entry in zip(pairs, entries, strict=True):
                if self.likelihood:
                    both = sp.Float(self.scale[i] * self.scale[j]) * entry
                else:
                    both = (2 * entry - 1) * sp.sqrt(error[i, i]) * sp.sqrt(error[j, j])
                error[i, j] = error[j, i] = both

    def _traits(self) -> None:
        """Variances of traits that free items measure and no parameter says."""
        states = len(self.forms[0].states)
        places = []
        for j in range(states, len(self.latents)):
            mine = [i for i in self.items if self.latents[j] in i.loadings]
            variance = self.matrices[0]["disturbance"].get((j, j), sp.S.Zero)
            if all(i.free for i in mine) and not any(
                s.name in self.chosen for s in variance.free_symbols
            ):
                places.append(j)
        made = self._vector("free_trait", len(places), "lv.variances", self.defaults.sd,
                            0.5 if self.likelihood else 0.7)  # fmt: skip
        for g, entries in enumerate(made):
            for j, entry in zip(places, entries, strict=True):
                self.matrices[g]["disturbance"][j, j] = self._squared(self.unit[j], entry)

    def _freed_means(self) -> None:
        """With equal intercepts, means of later groups are compared with those of the first."""
        if not self.varying or "intercepts" not in self.equal or "means" in self.equal:
            return
        places = [
            j for j in range(len(self.latents))
            if self.first[j] is not None and self._face_value(j) is None
            and self.matrices[0]["mean"].get((j, 0), sp.S.Zero).is_number
        ]  # fmt: skip
        if not places:
            return
        count = len(places)
        made = self._add("free_mean", (self.groups - 1, count), self.defaults.mean)
        for g in range(1, self.groups):
            for k, j in enumerate(places):
                self.matrices[g]["mean"][j, 0] = (
                    self.matrices[g]["mean"].get((j, 0), sp.S.Zero)
                    + sp.Float(self.unit[j]) * made[(g - 1) * count + k]
                )

    # ------------------------------------------------------------------ correlated traits

    def _correlated_blocks(self) -> None:
        """Traits declared as correlated: estimated correlations, whatever their variances."""
        for k, names in enumerate(self._merged()):
            outer = names[0] in self.forms[0].exogenous
            own = self._own({"lv.covariances"})
            labels = [f"correlation_{k}_{g}" if own else f"correlation_{k}" for g in range(
                self.groups if own else 1)]  # fmt: skip
            if not self.likelihood:
                self.correlations |= dict.fromkeys(labels, len(names))
            pairs = [(a, b) for a in range(len(names)) for b in range(a)]
            if self.likelihood:
                made = {label: self._add(label, (len(pairs),), self.defaults.path)
                        for label in labels}  # fmt: skip
            for g in range(self.groups):
                label = labels[g if own else 0]
                entry = {
                    pair: made[label][n] if self.likelihood else place(label, *pair)
                    for n, pair in enumerate(pairs)
                }
                if outer:
                    self._correlate_measured(g, names, entry)
                else:
                    self._correlate_dispositions(g, names, entry)

    def _merged(self) -> list[tuple[str, ...]]:
        merged: list[set[str]] = []
        for group in self.model.correlated_traits:
            joined = set(group)
            rest = []
            for other in merged:
                if other & joined:
                    joined |= other
                else:
                    rest.append(other)
            merged = [*rest, joined]
        known = (*self.forms[0].exogenous, *self.forms[0].disturbances)
        found = []
        for joined in merged:
            names = tuple(n for n in known if n in joined)
            if len({n in self.forms[0].exogenous for n in names}) > 1:
                raise refuse(
                    "model.correlated", ", ".join(names),
                    "traits that are all measured by items, or none of them",
                )  # fmt: skip
            found.append(names)
        return found

    def _correlate_measured(
        self, g: int, names: tuple[str, ...], entry: dict[tuple[int, int], sp.Symbol]
    ) -> None:
        disturbance = self.matrices[g]["disturbance"]
        where = [self.latents.index(n) for n in names]
        for (a, b), correlation in entry.items():
            i, j = where[a], where[b]
            both = sp.sqrt(disturbance[i, i]) * sp.sqrt(disturbance[j, j])
            if self.likelihood:
                both = sp.Float(self.unit[i] * self.unit[j])
            disturbance[i, j] = disturbance[j, i] = correlation * both

    def _correlate_dispositions(
        self, g: int, names: tuple[str, ...], entry: dict[tuple[int, int], sp.Symbol]
    ) -> None:
        """What the covariance of two dispositions adds to Ψ by their paths."""
        form, disturbance = self.forms[g], self.matrices[g]["disturbance"]
        put_in = {
            symbol(n): sp.Float(v)
            for n, v in {**form.values, **self.fixed}.items()
            if n not in self.chosen
        }
        where = [form.disturbances.index(n) for n in names]
        spread = [
            [(form.trait_paths[s, d] * sp.sqrt(form.trait_covariance[d, d])).xreplace(put_in)
             for s in range(len(form.states))]
            for d in where
        ]  # fmt: skip
        for (a, b), correlation in entry.items():
            for s, one in enumerate(spread[a]):
                for t, other in enumerate(spread[b]):
                    both = one * other * correlation
                    if both == 0:
                        continue
                    for at in ((s, t), (t, s)):
                        disturbance[at] = disturbance.get(at, sp.S.Zero) + both

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
        known = {n: e for n, e in self.parameters.items()}
        for name, value in self.forms[0].values.items():
            known.setdefault(name, (sp.Float({**self.forms[0].values, **self.fixed}[name]),))
        known = {n: e for n, e in known.items() if n in self.model.of_kind(Parameter)}
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


def _inside(prior: Distribution, start: float) -> float:
    """A start in the middle of a bounded prior, else the usual one."""
    a = {k: float(v) for k, v in prior.arguments.items()}
    if "low" in a:
        return (a["low"] + a["high"]) / 2
    if set(a) == {"alpha", "beta"} and type(prior).__name__ == "Beta":
        return a["alpha"] / (a["alpha"] + a["beta"])
    if "mean" in a:
        return a["mean"]
    return start
