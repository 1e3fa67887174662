"""A model from lavaan's syntax, with the defaults of its ``sem()`` and ``cfa()``.

An exogenous variable becomes a trait drawn once per consumer, an endogenous one a state with what it
is caused by and a disposition of its own; an observed variable in the structural part is measured at
face value by an item of the same name.  Every free coefficient is a parameter, under its label or a
name made of its variables; numbers are held.  Free variances are parameters too, and stand under a
root wherever the model wants a deviation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import sympy as sp

from pycore.errors import InputError, refuse
from pycore.model.checks import finite
from pycore.model.distributions import Normal
from pycore.model.elements import Coefficient
from pycore.model.expressions import symbol
from pycore.model.functions import where
from pycore.model.lavaan_syntax import Definition, Term, parse
from pycore.model.model import Model

__all__ = ["GROUP", "NEUTRAL", "automatic_name", "from_lavaan"]

GROUP = "group_number"  # the trait that tells groups apart where c(…) does
# Values of free coefficients that say nothing; estimates begin where the data suggest.
NEUTRAL = {"loading": 1.0, "variance": 1.0, "path": 0.0, "covariance": 0.0, "intercept": 0.0}


def automatic_name(kind: str, lhs: str, rhs: str = "") -> str:
    """The name of a free coefficient without a label.

    Examples
    --------
    >>> automatic_name("path", "dem65", "ind60"), automatic_name("variance", "x1")
    ('dem65_by_ind60', 'variance_x1')
    """
    if kind == "path":
        return f"{lhs}_by_{rhs}"
    return f"{kind}_{lhs}_{rhs}" if rhs else f"{kind}_{lhs}"


def from_lavaan(
    text: str,
    *,
    name: str = "lavaan",
    std_lv: bool = False,
    fixed_x: bool = True,
    carry: Mapping[str, float] | float = 0.0,
) -> Model:
    """Build a model from lavaan's syntax; see :meth:`pycore.Model.from_lavaan`."""
    terms, definitions = parse(text)
    if not isinstance(std_lv, bool) or not isinstance(fixed_x, bool):
        raise refuse("std_lv, fixed_x", (std_lv, fixed_x), "True or False")
    table = _Table(terms, std_lv, fixed_x)
    return _Builder(name, table, definitions, carry).build()


@dataclass
class _Table:
    """Who measures and causes whom, with lavaan's defaults filled in."""

    terms: list[Term]
    std_lv: bool
    fixed_x: bool
    latents: list[str] = field(init=False)
    structural: list[str] = field(init=False)
    endogenous: list[str] = field(init=False)
    items: list[str] = field(init=False)
    given: list[str] = field(init=False)
    by_key: dict[tuple[str, str, str], Term] = field(init=False)

    def __post_init__(self) -> None:
        self._index()
        self.latents = _distinct(t.lhs for t in self.terms if t.op == "=~")
        indicators = _distinct(t.rhs for t in self.terms if t.op == "=~")
        effects = _distinct(t.lhs for t in self.terms if t.op == "~")
        causes = _distinct(t.rhs for t in self.terms if t.op == "~")
        known = _distinct(
            [*self.latents, *indicators, *effects, *causes]
            + [v for t in self.terms for v in (t.lhs, t.rhs) if v]
        )
        plain = [v for v in indicators if v not in (*self.latents, *effects, *causes)]
        # An indicator whose error covaries with something structural stands there itself.
        other = [v for v in known if v not in plain]
        plain = [
            v for v in plain
            if not any(
                t.op == "~~" and v in (t.lhs, t.rhs) and {t.lhs, t.rhs} & set(other)
                for t in self.terms
            )
        ]  # fmt: skip
        self.items = plain
        self.structural = [v for v in known if v not in plain]
        self.endogenous = [v for v in self.structural if v in effects or v in indicators]
        self.observed = [v for v in self.structural if v not in self.latents]
        exogenous = [v for v in self.structural if v not in self.endogenous]
        # What no item measures is a state with nothing but a disposition; so that the others can
        # covary with it, they are too.
        measured = {t.lhs for t in self.terms if t.op == "=~" and t.rhs in plain}
        if any(v in self.latents and v not in measured for v in exogenous):
            self.endogenous += [v for v in exogenous if v in self.latents]
        moments = {v for t in self.terms if t.op in ("~~", "~1") for v in (t.lhs, t.rhs)}
        self.x = [v for v in exogenous if v in causes and v in self.observed and v not in moments]
        self.given = self.x if self.fixed_x else []
        self._defaults(exogenous, effects, causes, indicators)

    def _index(self) -> None:
        self.by_key = {}
        merged: list[Term] = []
        for term in self.terms:
            key = _key(term)
            if key in self.by_key:
                raise refuse(f"lavaan syntax, line {term.line}", f"{term} again",
                             "every coefficient once")  # fmt: skip
            if term.lhs == term.rhs and term.op in ("~", "=~"):
                raise refuse(f"lavaan syntax, line {term.line}", str(term),
                             "causes other than the variable itself")  # fmt: skip
            self.by_key[key] = term
            merged.append(term)
        self.terms = merged

    def _defaults(
        self, exogenous: list[str], effects: list[str], causes: list[str], indicators: list[str]
    ) -> None:
        def add(lhs: str, op: Any, rhs: str, *fixed: float) -> None:
            key = _key(Term(lhs, op, rhs, 0))
            if key not in self.by_key:
                self.by_key[key] = Term(lhs, op, rhs, 0, tuple(fixed))

        for latent in self.latents:
            first = next(t for t in self.terms if t.op == "=~" and t.lhs == latent)
            if not first.fixed and not self.std_lv:
                self.by_key[_key(first)] = Term(
                    first.lhs, first.op, first.rhs, first.line, (1.0,), first.label
                )
            if self.std_lv:
                add(latent, "~~", latent, 1.0)
        for variable in (*self.items, *self.structural):
            if variable not in self.given:
                add(variable, "~~", variable)
            if variable not in self.latents and variable not in self.given:
                add(variable, "~1", "")
        free = [v for v in exogenous if v in self.latents]
        ends = [v for v in effects if v not in causes and v not in indicators]
        for pairs in (free, ends, [] if self.fixed_x else self.x):
            for one, other in combinations([v for v in self.structural if v in pairs], 2):
                add(one, "~~", other)


@dataclass
class _Builder:
    name: str
    table: _Table
    definitions: list[Definition]
    carry: Mapping[str, float] | float

    def build(self) -> Model:
        model = Model(self.name, title=self.name.replace("_", " "))
        self.model = model
        self.labels = {label for t in self.table.by_key.values() for label in t.label if label}
        self.groups = self._count_groups()
        if self.groups:
            model.trait(GROUP, 1.0, doc="number of the group, in the order of the data")
            for k in range(self.groups):
                model.segment(f"group_{k + 1}", **{GROUP: float(k + 1)})
        table = self.table
        for variable in table.structural:
            if variable not in table.endogenous:
                self._exogenous(variable)
        for variable in table.endogenous:
            model.state(variable)
        for variable in self._in_order():
            self._update(variable)
        self._measure()
        for (_, op, _), term in self._sorted(table.by_key):
            if op == "~~" and term.lhs != term.rhs:
                self._covary(term)
        for definition in self.definitions:
            try:
                model.define(definition.name, definition.expression)
            except InputError as error:
                raise InputError(f"lavaan syntax, line {definition.line}: {error}") from None
        return model

    def _sorted(
        self, by_key: dict[tuple[str, str, str], Term]
    ) -> list[tuple[tuple[str, str, str], Term]]:
        """Covariances in the order of the variables, wherever they were written."""
        rank = {v: k for k, v in enumerate((*self.table.structural, *self.table.items))}
        return sorted(
            by_key.items(),
            key=lambda entry: sorted(rank.get(v, -1) for v in (entry[1].lhs, entry[1].rhs)),
        )

    def _count_groups(self) -> int:
        found = {
            len(values): term.line
            for term in self.table.by_key.values()
            for values in (term.fixed, term.label, term.start)
            if len(values) > 1
        }
        if len(found) > 1:
            raise refuse(f"lavaan syntax, line {max(found.values())}",
                         f"c(…) with {sorted(found)} entries", "as many entries as groups")  # fmt: skip
        return next(iter(found), 0)

    # ------------------------------------------------------------ coefficients

    def _coefficient(self, kind: str, lhs: str, op: str, rhs: str) -> Coefficient:
        """A number, a parameter, or what they are in each group."""
        term = self._term(lhs, op, rhs)
        if term is None:
            return 0.0
        if term.equal:
            return self._equal(term)
        groups = max(len(term.fixed), len(term.label), len(term.start))
        parts = [self._in_group(kind, term, g) for g in range(max(groups, 1))]
        value: Any = parts[-1]
        for g in range(len(parts) - 2, -1, -1):
            if parts[g] != value:
                value = where(sp.Le(symbol(GROUP), g + 1), parts[g], value)
        return value if isinstance(value, sp.Basic) and value.free_symbols else float(value)

    def _term(self, lhs: str, op: str, rhs: str) -> Term | None:
        return self.table.by_key.get(_key(Term(lhs, op, rhs, 0)))  # type: ignore[arg-type]

    def _equal(self, term: Term) -> Coefficient:
        for op in ("=~", "~~", "~1", "~"):
            if op in term.equal:
                lhs, rhs = term.equal.split(op, 1)
                other = self._term(lhs, op, rhs)
                if other is not None and not other.equal:
                    return self._coefficient(_kind(other), other.lhs, other.op, other.rhs)
                break
        raise refuse(f"lavaan syntax, line {term.line}", f"equal({term.equal!r})",
                     "a coefficient of the model that is not itself equal to another")  # fmt: skip

    def _in_group(self, kind: str, term: Term, g: int) -> Any:
        fixed = _entry(term.fixed, g)
        if fixed is not None:
            return sp.Float(fixed)
        label = _entry(term.label, g)
        start = _entry(term.start, g)
        value = NEUTRAL[kind] if start is None else start
        name = label or self._automatic(kind, term)
        if name in self.model.elements:
            return self.model[name]
        return self.model.parameter(
            name, value, source="to be estimated", shared=label is not None or self._shared(term),
            symbol="" if label else _latex(kind, term), doc=_meaning(kind, term),
        )  # fmt: skip

    def _shared(self, term: Term) -> bool:
        """Whether another coefficient equals this one by name, in all groups."""
        names = {str(t) for t in [term]}
        return any(t.equal in names for t in self.table.by_key.values())

    def _automatic(self, kind: str, term: Term) -> str:
        lhs, rhs = term.lhs, term.rhs
        if kind == "loading":
            name = automatic_name(kind, rhs, lhs if self._crossed(rhs, lhs) else "")
        elif kind == "variance":
            name = automatic_name(kind, lhs)
        else:
            name = automatic_name(kind, lhs, rhs)
        variables = {*self.table.structural, *self.table.items}
        while name in self.labels or name in variables:
            name += "_"
        return name

    def _crossed(self, item: str, latent: str) -> bool:
        first = next(t for t in self.table.terms if t.op == "=~" and t.rhs == item)
        return first.lhs != latent

    # ------------------------------------------------------------ structure

    def _exogenous(self, variable: str) -> None:
        if variable in self.table.given:
            self.model.trait(variable, Normal(0, 1), given=True)
            return
        variance = self._variance(variable)
        if variance.is_zero:
            raise refuse("lavaan syntax", f"variance 0 of {variable}",
                         "exogenous variables that differ between respondents")  # fmt: skip
        self.model.trait(variable, Normal(self._level(variable), sp.sqrt(variance)))

    def _level(self, variable: str) -> Coefficient:
        return self._coefficient("intercept", variable, "~1", "")

    def _variance(self, variable: str) -> Any:
        value = self._coefficient("variance", variable, "~~", variable)
        if isinstance(value, float) and value < 0:
            raise refuse("lavaan syntax", f"variance {value:g} of {variable}", "at least 0")
        return sp.sympify(value)

    def _causes(self, variable: str) -> list[tuple[str, Coefficient]]:
        found = []
        for term in self.table.terms:
            if term.op == "~" and term.lhs == variable:
                found.append((term.rhs, self._coefficient("path", term.lhs, "~", term.rhs)))
            elif term.op == "=~" and term.rhs == variable:
                found.append((term.lhs, self._coefficient("loading", term.lhs, "=~", term.rhs)))
        return found

    def _in_order(self) -> list[str]:
        """Causes before effects; where they go round, as written."""
        waiting, found = list(self.table.endogenous), list[str]()
        causes = {
            v: {t.rhs for t in self.table.terms if t.op == "~" and t.lhs == v}
            | {t.lhs for t in self.table.terms if t.op == "=~" and t.rhs == v}
            for v in waiting
        }
        while waiting:
            ready = [v for v in waiting if not causes[v] & set(waiting)]
            chosen = (ready or waiting)[0]
            waiting.remove(chosen)
            found.append(chosen)
        return found

    def _update(self, variable: str) -> None:
        target = sp.sympify(self._level(variable))
        for cause, coefficient in self._causes(variable):
            target += coefficient * self.model[cause]
        variance = self._variance(variable)
        if not variance.is_zero:
            own = self.model.trait(
                f"disposition_{variable}", Normal(0, sp.sqrt(variance)),
                symbol=rf"\zeta_{{\mathrm{{{_text(variable)}}}}}",
                doc=f"what {variable} is beyond its causes",
            )  # fmt: skip
            target += own
        carry = self.carry.get(variable, 0.0) if isinstance(self.carry, Mapping) else self.carry
        kept = finite("carry", carry)
        self.model.update(variable, target=target, carry=kept or 0)

    # ------------------------------------------------------------ measurement

    def _measure(self) -> None:
        table = self.table
        loads: dict[str, list[Term]] = {}
        for term in table.terms:
            if term.op == "=~" and term.rhs in table.items:
                loads.setdefault(term.rhs, []).append(term)
        for item, terms in loads.items():
            first = terms[0]
            self.model.survey(
                self.model[first.lhs], [item], points=0, free=False,
                loading=self._coefficient("loading", first.lhs, "=~", item),
                error=sp.sqrt(self._variance(item)),
                intercept=self._coefficient("intercept", item, "~1", ""),
            )  # fmt: skip
            for term in terms[1:]:
                value = self._coefficient("loading", term.lhs, "=~", item)
                self.model.cross_loading(item, self.model[term.lhs], value)
        for variable in table.observed:
            self.model.survey(self.model[variable], [variable], points=0, error=0.0, free=False)

    def _covary(self, term: Term) -> None:
        value = self._coefficient("covariance", term.lhs, "~~", term.rhs)
        if value == 0:
            return
        names: list[Any] = []
        for variable in (term.lhs, term.rhs):
            if variable in self.table.items:
                names.append(variable)
            elif variable in self.table.endogenous:
                names.append(self.model[f"disposition_{variable}"])
            else:
                names.append(self.model[variable])
        ends = {v in self.table.endogenous for v in (term.lhs, term.rhs)}
        structural = term.lhs in self.table.structural
        if structural and len(ends) > 1:
            raise refuse(
                f"lavaan syntax, line {term.line}", str(term),
                "covariances between two exogenous variables, or between what two endogenous ones "
                "are beyond their causes",
            )  # fmt: skip
        if {term.lhs, term.rhs} & set(self.table.given):
            raise refuse(f"lavaan syntax, line {term.line}", str(term),
                         "covariances of variables that are not taken as given")  # fmt: skip
        self.model.covary(names[0], names[1], value)


def _kind(term: Term) -> str:
    if term.op == "~~":
        return "variance" if term.lhs == term.rhs else "covariance"
    return {"=~": "loading", "~": "path", "~1": "intercept"}[term.op]


def _key(term: Term) -> tuple[str, str, str]:
    pair = sorted((term.lhs, term.rhs)) if term.op == "~~" else [term.lhs, term.rhs]
    return pair[0], term.op, pair[1]


def _entry(values: tuple[Any, ...], g: int) -> Any:
    if not values:
        return None
    return values[g] if len(values) > 1 else values[0]


def _distinct(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _text(name: str) -> str:
    return name.replace("_", r"\_")


def _latex(kind: str, term: Term) -> str:
    letter = {"loading": r"\lambda", "path": r"\beta", "variance": r"\sigma^2",
              "covariance": r"\sigma", "intercept": r"\nu"}[kind]  # fmt: skip
    names = [_text(term.lhs)]
    if kind in ("path", "covariance"):
        names.append(_text(term.rhs))
    if kind == "loading":
        names = [_text(term.rhs), _text(term.lhs)]
    return rf"{letter}_{{{','.join(rf'\mathrm{{{n}}}' for n in names)}}}"


def _meaning(kind: str, term: Term) -> str:
    lhs, rhs = term.lhs, term.rhs
    return {
        "loading": f"{rhs} per unit of {lhs}", "path": f"{lhs} per unit of {rhs}",
        "variance": f"variance of {lhs} beyond its causes",
        "covariance": f"covariance of {lhs} and {rhs} beyond their causes",
        "intercept": f"level of {lhs}",
    }[kind]  # fmt: skip
