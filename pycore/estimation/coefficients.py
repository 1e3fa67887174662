"""Parameters of a model as expressions of what is sampled, from where they stand in the matrices."""

from __future__ import annotations

import numpy as np
import sympy as sp

from pycore.estimation.declared import Declared
from pycore.estimation.plan import BLOCKS, place
from pycore.estimation.priors import is_positive
from pycore.model.distributions import Beta, Distribution, HalfNormal
from pycore.model.elements import Parameter
from pycore.model.expressions import symbol

__all__ = ["Coefficients"]

_START = 0.1  # a path that starts at exactly 0 can have an exactly zero gradient

Role = tuple[str, int, int]


class Coefficients(Declared):
    """What a parameter is decides its prior and its scale.

    One that by itself is a loading, path, variance, covariance, intercept or mean, in a model whose
    items are held, has those of that; any other is in the units of the model.
    """

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
