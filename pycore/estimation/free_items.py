"""What no parameter says and items leave free: loadings, errors, variances and correlations."""

from __future__ import annotations

import numpy as np
import sympy as sp

from pycore.errors import refuse
from pycore.estimation.coefficients import Coefficients
from pycore.estimation.plan import place
from pycore.model.distributions import Beta
from pycore.model.expressions import symbol

__all__ = ["FreeItems"]


class FreeItems(Coefficients):
    """Numbers of free items, variances of the traits that they measure, correlated traits."""

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
            shared = self.latents.index(item.measures) not in alone
            if isinstance(item.error, float) and not score and shared:
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
            (index[a], index[b]) for (a, b), value in self.model.error_covariances.items()
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
