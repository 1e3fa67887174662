"""A model's long-run form in lavaan's syntax.

Every coefficient is written, with the values that lavaan's defaults would otherwise add, so that the
text means the same in both.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import TYPE_CHECKING, Any

import sympy as sp

from pycore.errors import refuse
from pycore.model.elements import Define, Parameter, Trait
from pycore.model.lavaan import GROUP, NEUTRAL, automatic_name

if TYPE_CHECKING:
    from pycore.model.model import Model

__all__ = ["to_lavaan"]


def to_lavaan(model: Model) -> str:
    """Write a model; see :meth:`pycore.Model.to_lavaan`."""
    free = [item.name for item in model.items.values() if item.free]
    if free or not model.items:
        raise refuse("model", f"free items {', '.join(free)}" if free else model.name,
                     "a model whose items hold their numbers (free=False)")  # fmt: skip
    return "\n".join(_Writer(model).lines())


class _Writer:
    def __init__(self, model: Model) -> None:
        self.model = model
        self.form = model.structural()
        self.latents = (*self.form.states, *self.form.exogenous)
        self.own = {  # item at face value → what it is
            name: item.measures
            for name, item in model.items.items()
            if item.error == 0 and item.loading == 1.0 and not item.also
        }
        self.named = {latent: item for item, latent in self.own.items()}
        self.given = {n for n, t in model.of_kind(Trait).items() if t.given}
        self.causes = self.form.B.row_join(self.form.Gamma)
        measuring = {n for i, item in model.items.items() if i not in self.own
                     for n in item.loadings}  # fmt: skip
        # Of higher order: what other states measure.
        self.higher = {n for n in self.latents if n not in measuring and n not in self.named}

    def lines(self) -> Iterator[str]:
        yield from self._loadings()
        yield from self._paths()
        yield from sorted(self._covariances())  # in whatever order the items came
        yield from self._means()
        for name, define in self.model.of_kind(Define).items():
            if define.expression.free_symbols:
                text = sp.sstr(define.expression).replace("**", "^").replace("Abs(", "abs(")
                yield f"{name} := {text}"

    def _variable(self, latent: str) -> str:
        return self.named.get(latent, latent)

    def _loadings(self) -> Iterator[str]:
        now: list[tuple[str, str, sp.Expr, list[str]]] = []
        later: list[tuple[str, str, sp.Expr, list[str]]] = []
        for j, latent in enumerate(self.latents):
            indicators = {
                item: self.form.Lambda[k, j] for k, item in enumerate(self.form.items)
                if item not in self.own and latent in self.model.items[item].loadings
            }  # fmt: skip
            if latent in self.higher:
                indicators = {
                    self._variable(n): self.causes[i, j]
                    for i, n in enumerate(self.form.states) if self.causes[i, j] != 0
                }  # fmt: skip
                if not indicators:
                    raise refuse("model", f"{latent} that nothing measures",
                                 "states and traits with items or effects")  # fmt: skip
            for indicator, entry in indicators.items():
                names = [automatic_name("loading", indicator, n) for n in ("", latent)]
                declared = self.model.items.get(indicator)
                crossed = declared is not None and declared.measures != latent
                # What an item measures first is written first.
                (later if crossed else now).append((latent, indicator, entry, names))
        begun = set[str]()
        for latent, indicator, entry, names in [*now, *later]:
            text = self._modified("loading", entry, names, indicator, latent not in begun)
            begun.add(latent)
            yield f"{latent} =~ {text}"

    def _paths(self) -> Iterator[str]:
        for i, effect in enumerate(self.form.states):
            for j, cause in enumerate(self.latents):
                if self.causes[i, j] != 0 and cause not in self.higher:
                    left, right = self._variable(effect), self._variable(cause)
                    names = [automatic_name("path", left, right),
                             *(automatic_name("loading", left, n) for n in ("", right))]  # fmt: skip
                    yield f"{left} ~ {self._modified('path', self.causes[i, j], names, right)}"

    def _covariances(self) -> Iterator[str]:
        form = self.form
        for i, item in enumerate(form.items):
            if item not in self.own:
                yield from self._pair("variance", item, item, form.Theta[i, i], default=True)
        size = len(form.states)
        for j, latent in enumerate(self.latents):
            matrix, k = (form.Psi, j) if j < size else (form.Phi, j - size)
            if latent not in self.given:
                name = self._variable(latent)
                taken = latent in self.named and j >= size  # lavaan would take it as given
                yield from self._pair("variance", name, name, matrix[k, k], default=not taken)
        for names, matrix, rows in (
            (form.items, form.Theta, form.items),
            (form.states, form.Psi, form.states),
            (form.exogenous, form.Phi, form.exogenous),
        ):
            for one, other in combinations(range(len(rows)), 2):
                if {names[one], names[other]} & self.given:
                    continue
                left, right = self._variable(names[one]), self._variable(names[other])
                entry = matrix[one, other]
                free = self._would_be_free(names[one], names[other])
                if entry != 0 or free:
                    yield from self._pair("covariance", left, right, entry, default=free)

    def _would_be_free(self, one: str, other: str) -> bool:
        """Whether lavaan frees a covariance that nobody writes."""
        latents = [n for n in (one, other) if n in self.latents and n not in self.named]
        caused = [n for n in (one, other) if n in self.form.states and any(
            self.causes[self.form.states.index(n), :])]  # fmt: skip
        if not caused:
            return len(latents) == 2
        return all(self._ends(n) for n in (one, other))

    def _ends(self, name: str) -> bool:
        """Whether a state is caused by others by ``~``, and causes none."""
        if name not in self.form.states:
            return False
        row, column = self.form.states.index(name), self.latents.index(name)
        causes = {n for j, n in enumerate(self.latents) if self.causes[row, j] != 0}
        return bool(causes) and not causes & self.higher and not any(self.causes[:, column])

    def _pair(
        self, kind: str, left: str, right: str, entry: sp.Expr, *, default: bool
    ) -> Iterator[str]:
        """One line, unless lavaan would add it by itself."""
        names = [automatic_name(kind, left)]
        if left != right:
            written = left
            left, right = self._sides(left, right)
            names, default = [automatic_name(kind, left, right)], default and left == written
        text = self._modified(kind, entry, names, right)
        if text != right or not default:
            yield f"{left} ~~ {text}"

    def _sides(self, one: str, other: str) -> tuple[str, str]:
        """The sides of a covariance as its name has them; else as words are sorted."""
        pairs = sorted([(one, other), (other, one)])
        for pair in pairs:
            if automatic_name("covariance", *pair) in self.model.elements:
                return pair
        return pairs[0]

    def _means(self) -> Iterator[str]:
        form = self.form
        for i, item in enumerate(form.items):
            if item not in self.own:
                yield from self._mean(item, form.nu[i], "")
        levels = [*form.intercepts, *form.exogenous_means]
        for latent, entry in zip(self.latents, levels, strict=True):
            if latent not in self.given and (latent in self.named or not entry.is_zero):
                yield from self._mean(self._variable(latent), entry, latent)

    def _mean(self, name: str, entry: sp.Expr, latent: str) -> Iterator[str]:
        text = self._modified("intercept", entry, [automatic_name("intercept", name)], "1")
        if text != "1" or (latent and latent not in self.named):
            yield f"{name} ~ {text}"

    # ------------------------------------------------------------ modifiers

    def _modified(
        self, kind: str, entry: sp.Expr, automatic: list[str], variable: str, first: bool = False
    ) -> str:
        parts = _by_group(entry)
        words = [self._word(part, automatic) for part in parts]
        starts = [self._start(part, kind) for part in parts]
        if len(set(words)) == 1:
            words = words[:1]
        text = words[0] if len(words) == 1 else f"c({', '.join(w or 'NA' for w in words)})"
        text = f"{text}*" if text else ""
        if first and not any(part.is_number for part in parts):
            text = f"NA*{text}"  # else lavaan would take it for the marker
        if any(s is not None for s in starts):
            numbers = [_number(NEUTRAL[kind] if s is None else s) for s in starts]
            inner = numbers[0] if len(set(numbers)) == 1 else f"c({', '.join(numbers)})"
            text += f"start({inner})*"
        return text + variable

    def _word(self, part: sp.Expr, automatic: list[str]) -> str:
        """A number, a label, or nothing for a free coefficient under its automatic name."""
        if part.is_number:
            return _number(float(part))
        element = self._parameter(part)
        return "" if element.name in automatic and not element.shared else element.name

    def _start(self, part: sp.Expr, kind: str) -> float | None:
        if part.is_number:
            return None
        value = self._parameter(part).value
        return None if value == NEUTRAL[kind] else value

    def _parameter(self, part: sp.Expr) -> Parameter:
        element = self.model.elements.get(part.name) if part.is_Symbol else None
        if not isinstance(element, Parameter):
            raise refuse("model", f"the coefficient {part}", "numbers and parameters, as they are "
                         "or one per group")  # fmt: skip
        return element


def _by_group(entry: sp.Expr) -> list[sp.Expr]:
    """One part for all groups, or one per group."""
    if isinstance(entry, sp.Piecewise):
        found: list[Any] = []
        for value, condition in entry.args:
            if condition is not sp.true and condition.free_symbols != {sp.Symbol(GROUP, real=True)}:
                return [entry]
            inner = _by_group(value)
            known = len(found)
            upto = known + 1 if condition is sp.true else int(condition.rhs)
            found += [inner[0]] * (upto - known)
        return found
    return [entry]


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else repr(value)
