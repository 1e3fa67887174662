"""What a model declares, as matrices; units of its states; random variables as they are added."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import sympy as sp

from pycore.errors import refuse
from pycore.estimation.plan import Entries, Free
from pycore.estimation.priors import Defaults
from pycore.estimation.sample import Sample
from pycore.model.distributions import Distribution
from pycore.model.expressions import symbol
from pycore.model.model import Model
from pycore.model.structural import Structural

__all__ = ["Declared"]


@lru_cache(maxsize=64)
def _with_numbers(form: Structural, numbers: tuple[tuple[str, float], ...]) -> dict[str, Entries]:
    """The blocks of a form; remembered, because every fit of a model begins with them."""
    put_in = {symbol(n): sp.Float(v) for n, v in numbers}
    size = len(form.states)

    def entries(matrix: Any, down: int = 0, right: int = 0) -> Entries:
        found = {}
        for i in range(matrix.rows):
            for j in range(matrix.cols):
                entry = matrix[i, j]
                if entry.free_symbols & put_in.keys():  # large expressions: as seldom as may be
                    entry = entry.xreplace(put_in)
                if entry.is_Add or not entry.is_zero:  # 0 as integer or as float
                    found[i + down, j + right] = entry
        return found

    return {
        "loading": entries(form.Lambda),
        "path": entries(form.B) | entries(form.Gamma, 0, size),
        "disturbance": entries(form.Psi) | entries(form.Phi, size, size),
        "error": entries(form.Theta),
        "intercept": entries(form.nu),
        "mean": entries(form.intercepts) | entries(form.exogenous_means, size),
    }


class Declared:
    """The matrices of every group with symbols for what is estimated."""

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

    def _matrices(self, form: Structural) -> dict[str, Entries]:
        """The blocks with numbers for everything that is not estimated."""
        numbers = {n: v for n, v in {**form.values, **self.fixed}.items() if n not in self.chosen}
        made = _with_numbers(form, tuple(numbers.items()))
        found = {block: dict(entries) for block, entries in made.items()}
        return found if self.held else found | {"mean": {}}

    def _first_items(self) -> list[int | None]:
        """For each state or trait, the item that gives it its scale."""
        found: list[int | None] = []
        for name in self.latents:
            mine = [k for k, item in enumerate(self.items) if item.measures == name]
            fixed = [k for k in mine if isinstance(self.items[k].loading, float)]
            found.append(next(iter(fixed or mine), None))
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
            level = np.asarray(sum(u.n * u.mean for u in units)) / n
            spread = sum(u.n * (u.cov + np.outer(u.mean - level, u.mean - level)) for u in units)
            cov = np.asarray(spread) / n
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
